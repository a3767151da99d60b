# How right fits and fates are where the truth is known, in one table: settings x contenders.
#
#   Rscript bench/accuracy.R [SETTINGS] [CONTENDER ...]
#
# SETTINGS, separated by commas: names of settings (accuracy/settings.R lists them), or quick (default, four), sim
# (all that are simulated), real (half of the visible fates of LARRY, Bargaje's time course, the fixed set), all;
# `left` adds the left-out times of those that have one (twice the fits). `confirm` is the other half of LARRY's
# fates, by clone: defaults are chosen without it.
# CONTENDERS: default (FitSDE() and PredictFate() with no option set by hand), plan (PredictFate(method = "plan")),
# scdiffeq (compat, minutes each), or options of FitSDE() as "updates=2000;dt=0.02;time.input=TRUE". Options of
# PredictFate() begin with "predict.", and "name=" names the contender: "name=long;updates=2000;predict.n.sim=50",
# "name=warm;predict.method=plan;predict.options=list(blur=0.5)".
# Default: default plan.
#
# Columns: cells and dims; entropy of the true fates (truth), cross-entropy of the mean truth of the 50 nearest cells
# (bound), of the overall shares, and of the prediction (ce; over: ce less bound), for cells of the first and of the
# second time (0, 1); accuracy and calibration error over both; outside: share of simulated cells that end where no
# cell is (0.01 is right), and knn: their distance to cells over that of cells (1 is right), at the last time and the
# worst of all; var: total variance, simulated over observed; comp: greatest error of composition of a start time;
# plan.tv: mean total variation between model and plan; sig.early, sig.late: noise found over true, cells that are no
# fate yet and cells that are; sig.none: noise in dimensions of measurement alone, over their spread; growth:
# correlation and slope against truth; W1 of the time left out, of fresh cells and of McCann's lines; cloud.mid,
# cloud.last: divergence to held-out cells over that of fresh cells; fit, cpu, predict: seconds of the fit, of its
# processor, and of the fates of `n.predict` cells.
# In LARRY bound is supervised (neighbours of other clones) and cells count alike in comp.
#
# Settings run in two forks on one thread each; FORKS names another number. The table goes to bench/out/accuracy.csv;
# accuracy_rows.csv beside it has the rows of all runs as they come.

suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "real_data.R"))
source(file.path(here, "accuracy", "settings.R"))
source(file.path(here, "accuracy", "measures.R"))
source(file.path(here, "accuracy", "contenders.R"))
options(fatefield.threads = 1L)

columns <- c(
  "setting", "contender", "cells", "dims", "truth0", "bound0", "shares0", "ce0", "over0", "truth1", "bound1", "shares1",
  "ce1", "over1", "acc", "ece", "outside", "outside.worst", "knn", "knn.worst", "var", "comp", "plan.tv", "sig.early",
  "sig.late", "sig.none", "g.cor", "g.slope", "W1", "floor", "McCann", "cloud.mid", "cloud.last", "fit", "cpu",
  "predict", "n.predict"
)

# All measures of one contender; `plan`: the plan's prediction, or NULL.
measure <- function(contender, s, plan, left) {
  if (contender$kind == "plan") {
    if (length(contender$predict) > 0L) plan <- predict_cells(s, contender$predict)
    return(c(fate_scores(plan$p, s), predict = plan$seconds, n.predict = length(s$predict)))
  }
  fit <- function(rows) fit_model(contender$fit, s, rows)
  taken <- system.time(model <- fit(s$learn))
  out <- list(fit = taken[["elapsed"]], cpu = taken[["user.self"]] + taken[["sys.self"]])
  if (!is.null(s$labels)) {
    predicted <- predict_cells(s, contender$predict, model = model)
    out <- c(out, fate_scores(predicted$p, s), predict = predicted$seconds, n.predict = length(s$predict))
    if (!is.null(plan)) out$plan.tv <- mean(rowSums(abs(predicted$p - plan$p)) / 2)
  }
  c(
    out, support_scores(model, s), noise_scores(model, s), growth_scores(model, s), held_out_scores(model, s),
    if (left) left_out_scores(fit, s)
  )
}

one_setting <- function(name, contenders, left) {
  s <- make_setting(name)
  lines <- c(list(cells = length(s$learn), dims = ncol(s$x)), as.list(fate_lines(s)))
  plan <- plan_fates(s)
  rows <- lapply(contenders, function(contender) {
    if (contender$kind == "plan" && is.null(plan)) return(NULL)
    measured <- tryCatch(measure(contender, s, plan, left), error = function(e) {
      message(name, ", ", contender$name, ": ", conditionMessage(e))
      list()
    })
    row <- c(list(setting = name, contender = contender$name), lines, measured)
    row$over0 <- difference(row$ce0, row$bound0)
    row$over1 <- difference(row$ce1, row$bound1)
    message(format(Sys.time(), "%H:%M:%S "), name, ", ", contender$name, ": ", told(row))
    row <- lapply(stats::setNames(columns, columns), function(column) if (is.null(row[[column]])) NA else row[[column]])
    keep_row(as.data.frame(row))
  })
  do.call(rbind, rows)
}

# Adds a row to bench/out/accuracy_rows.csv, so that a run that is cut short leaves what it has.
keep_row <- function(row) {
  file <- file.path(bench_out, "accuracy_rows.csv")
  new <- !file.exists(file)
  utils::write.table(row, file, sep = ",", append = !new, col.names = new, row.names = FALSE, qmethod = "double")
  row
}

difference <- function(a, b) if (is.null(a) || is.null(b)) NULL else a - b

told <- function(row) {
  shown <- intersect(c("over0", "over1", "outside", "knn", "comp", "sig.early", "sig.late", "fit"), names(row))
  paste(shown, vapply(row[shown], format, "", digits = 3L), collapse = " ")
}

# How far each column is from right, so that less is better.
mean_ranks <- function(table) {
  off <- data.frame(
    over0 = table$over0, over1 = table$over1, ece = table$ece, outside = pmax(table$outside, 0.01),
    knn = abs(log(table$knn)), comp = table$comp, sig.early = abs(log(table$sig.early)),
    sig.late = abs(log(table$sig.late)), W1 = table$W1 / table$McCann, cloud.last = table$cloud.last, cpu = table$cpu
  )
  ranks <- lapply(off, function(values) {
    stats::ave(values, table$setting, FUN = function(v) {
      if (sum(!is.na(v)) < 2L) return(rep(NA, length(v)))
      rank(v, na.last = "keep")
    })
  })
  means <- stats::aggregate(as.data.frame(ranks), table["contender"], mean, na.rm = TRUE)
  fates <- rowMeans(means[c("over0", "over1", "ece", "comp")], na.rm = TRUE)
  cells <- rowMeans(means[c("outside", "knn")], na.rm = TRUE)
  means <- cbind(means, fates = fates, support = cells)
  means[order(fates), vapply(means, function(v) !all(is.na(v)), NA)]
}

# What the table should reach, counted over the settings that tell it.
reached <- function(table) {
  share <- function(hit) paste0(sum(hit, na.rm = TRUE), "/", sum(!is.na(hit)))
  by <- split(table, factor(table$contender, unique(table$contender)))
  rows <- lapply(by, function(t) {
    t_sim <- t[!is.na(t$truth0), ]
    data.frame(
      contender = t$contender[[1L]],
      "over0<=.05" = share(t_sim$over0 <= 0.05), "over1<=.05" = share(t_sim$over1 <= 0.05),
      "over0<=.03" = share(t_sim$over0 <= 0.03), "over1<=.03" = share(t_sim$over1 <= 0.03),
      "beats shares" = share(t_sim$ce0 <= t_sim$shares0), "outside<=.03" = share(t$outside <= 0.03),
      "knn<=1.15" = share(t$knn <= 1.15), "comp<=.03" = share(t$comp <= 0.03),
      "sigma in 25 %" = share(abs(log(t$sig.early)) <= log(1.25) & abs(log(t$sig.late)) <= log(1.25)),
      "W1<=.95 McCann" = share(t$W1 <= 0.95 * t$McCann), mean.over0 = mean(t_sim$over0, na.rm = TRUE),
      mean.over1 = mean(t_sim$over1, na.rm = TRUE), cpu = sum(t$cpu, na.rm = TRUE), check.names = FALSE
    )
  })
  do.call(rbind, rows)
}

arguments <- commandArgs(TRUE)
asked <- strsplit(if (length(arguments) > 0L) arguments[[1L]] else "quick", ",")[[1L]]
left <- "left" %in% asked
asked <- setdiff(asked, "left")
names <- unique(unlist(lapply(asked, function(name) {
  if (is.null(setting_groups[[name]])) name else setting_groups[[name]]
})))
if (!has_plan()) message("PredictFate() has no method \"plan\": it is left out")
contenders <- lapply(if (length(arguments) > 1L) arguments[-1L] else c("default", "plan"), contender)

tables <- parallel::mclapply(names, function(name) {
  tryCatch(one_setting(name, contenders, left), error = function(e) message(name, ": ", conditionMessage(e)))
}, mc.cores = as.integer(Sys.getenv("FORKS", "2")), mc.preschedule = FALSE)
table <- do.call(rbind, tables)
table <- table[order(match(table$setting, c(setting_groups$sim, "larry"))), ]
utils::write.csv(table, file.path(bench_out, "accuracy.csv"), row.names = FALSE)
shown <- table[vapply(table, function(v) !all(is.na(v)), NA)]
numbers <- vapply(shown, is.numeric, NA)
shown[numbers] <- lapply(shown[numbers], function(v) ifelse(abs(v) >= 100, round(v), signif(round(v, 3), 3)))
base::options(width = 400L)
print(shown, row.names = FALSE, na.print = "")
if (length(unique(table$contender)) > 1L) {
  cat("\nMean ranks (1 is best):\n")
  print(mean_ranks(table), digits = 3, row.names = FALSE)
}
cat("\nReached, of the settings that tell it:\n")
print(reached(table), digits = 2, row.names = FALSE)
