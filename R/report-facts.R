# What a report tells: takes an object, names of models, further results and a column of batches; gives a result of kind
# "report". Doubts stand in report-doubts.R.

# In which section results of a kind stand; those of other kinds are "more".
report_sections <- list(
  model = c("interpolation_scores", "interpolation", "field_scores", "noise"),
  fates = c("fate", "fate_scores", "dynamics", "macrostates"),
  genes = c("drivers", "gene_dynamics", "comparison", "trends", "network", "enrichment", "enrichment_comparison"),
  perturbation = c("perturbation", "perturbations", "dose", "screen")
)

# Which call makes what a section lacks.
report_remedies <- list(
  model = "FitSDE(cells, time = \"day\", reduction = \"pca\") fits a model.",
  fates = paste0("DefineFates(cells, labels = \"type\") and PredictFate(cells), or without times ",
    "FindMacrostates(cells) and AbsorptionProbabilities(cells), find fates."),
  genes = "drivers <- FindFateDrivers(cells, fate = \"Beta\"), then FateReport(cells, results = drivers).",
  perturbation = "screen <- ScreenPerturbations(cells), then FateReport(cells, results = screen)."
)

report_facts <- function(object, models, given, batch) {
  models <- lapply(stats::setNames(models, models), function(name) tool(object, "models", name))
  held <- held_results(object)
  fates <- report_fates(object, held$results$fates)
  results <- c(held$results[setdiff(names(held$results), c("definition", "fates"))], given)
  data <- report_data(object, models, batch)
  parts <- c(data, list(
    cells = length(cell_names(object)), cards = Map(model_card, models), scores = lapply(models, model_scores),
    verdicts = unlist(lapply(models, function(m) m$verdict$verdict)), fates = fates, results = by_section(results),
    said = lapply(by_section(results), lapply, said_by), velocity = report_velocity(object),
    labels = report_labels(object),
    seeds = seeds_text(models, c(list(fates$result), results)), calls = report_calls(object), absent = report_remedies
  ))
  parts$doubts <- report_doubts(parts, models, c(held$stale, stale_models(object, models)))
  parts$summary <- report_summary(parts)
  new_result("report", report_numbers(parts), parts)
}

# list(results, stale): what the object holds and still holds true, the last of each kind, by kind; and what is said of
# the others.
held_results <- function(object) {
  kinds <- setdiff(tool_names(object, "results"), c("vectors", "bins"))
  found <- lapply(stats::setNames(kinds, kinds), function(kind) {
    tryCatch(take_result(object, kind), fatefield_error = conditionMessage)
  })
  fits <- vapply(found, inherits, NA, "fatefield_result")
  list(results = found[fits], stale = unlist(found[!fits]))
}

stale_models <- function(object, models) {
  unlist(lapply(models, function(m) tryCatch({
    model_coordinates(object, m)
    NULL
  }, fatefield_error = conditionMessage)))
}

said_by <- function(result) unlist(strsplit(headline(result), "\n", fixed = TRUE))

by_section <- function(results) {
  section <- vapply(results, function(r) {
    at <- which(vapply(report_sections, function(kinds) result_kind(r) %in% kinds, NA))
    c(names(report_sections)[at], "more")[[1L]]
  }, "")
  split(results, factor(section, c(names(report_sections), "more")))
}

# list(name, result, table, said) of the fates stored last, or NULL.
report_fates <- function(object, result) {
  if (is.null(result)) {
    return(NULL)
  }
  names <- tool_names_of(object, "fates")
  list(name = names[[length(names)]], result = result, table = summary(result), said = said_by(result))
}

# Cells, depth and batches by time: list(data (sentences), times, counts, batches, time.label).
report_data <- function(object, models, batch) {
  time <- report_times(object, models)
  counts <- object_counts(object, NULL)
  depth <- if (!is.null(counts)) Matrix::colSums(counts)
  genes <- if (!is.null(counts)) Matrix::colSums(counts != 0)
  group <- if (!is.null(batch)) as.character(cell_column(object, batch, "batch"))
  level <- factor(if (is.null(time$of)) rep("all", length(cell_names(object))) else format_each(time$of, 7L),
    if (is.null(time$of)) "all" else format_each(sort(unique(time$of)), 7L))
  middle <- function(v) if (is.null(v)) NULL else as.vector(tapply(v, level, stats::median))
  times <- data.frame(time = levels(level), cells = as.vector(table(level)))
  times$counts <- middle(depth)
  times$genes <- middle(genes)
  by <- if (!is.null(group)) table(batch = group, time = level)
  list(
    data = data_lines(object, counts, batch, by), times = times, time.label = time$label,
    counts = if (is.null(by)) data.frame(times[1:2], batch = NA_character_) else counts_by(by),
    batches = if (!is.null(by)) data.frame(batch = rownames(by), unclass(by), check.names = FALSE, row.names = NULL),
    batch.name = batch, batch.share = if (!is.null(by)) association(by)
  )
}

counts_by <- function(by) {
  long <- as.data.frame(by, responseName = "cells", stringsAsFactors = TRUE)
  data.frame(time = long$time, cells = long$cells, batch = long$batch)
}

# list(of, label): the times of all cells as the first neural SDE knows them, `of` NULL where none does.
report_times <- function(object, models) {
  sde <- Filter(function(m) m$type == "sde" && has_own_times(m), models)
  if (length(sde) == 0L) {
    return(list(label = "cells"))
  }
  model <- sde[[length(sde)]]
  of <- tryCatch(known_times(model, model_space(object, model)), fatefield_error = function(e) NULL)
  if (is.null(of) || all(is.na(of))) {
    return(list(label = "cells"))
  }
  list(of = of, label = if (is.null(model$time.unit)) model$time.name else model$time.unit)
}

data_lines <- function(object, counts, batch, by) {
  c(
    paste0(counted(length(cell_names(object)), "cell"),
      if (!is.null(counts)) paste0(" x ", counted(nrow(counts), "gene")), "; reductions ",
      quoted(reduction_names(object), 6L), "."),
    if (is.null(counts)) "No raw counts: the depth of sequencing was not looked at.",
    if (is.null(batch)) "No column of batches was named or found." else
      paste0("Batches by column ", quoted(batch), ": ", nrow(by), if (ncol(by) > 1L) paste0("; association with time ",
        "(Cramer's V, 0 none, 1 complete) ", format(association(by), digits = 2L)), ".")
  )
}

# Cramer's V of a table of counts; NA where one side has one level.
association <- function(by) {
  by <- by[rowSums(by) > 0, colSums(by) > 0, drop = FALSE]
  least <- min(dim(by)) - 1L
  if (least < 1L) {
    return(NA_real_)
  }
  expected <- outer(rowSums(by), colSums(by)) / sum(by)
  sqrt(sum((by - expected)^2 / expected) / (sum(by) * least))
}

# data.frame(item, value): what summary() of the model says, line by line.
model_card <- function(model) {
  s <- summary(model)
  lines <- sub("^ *[^:]+: ", "", s$lines)
  lines <- c(model = s$title, lines)
  data.frame(item = names(lines), value = unname(lines))
}

model_scores <- function(model) {
  if (!is.null(model$check)) {
    table <- member_means(model$check)
    return(table[!is.na(table$outside), , drop = FALSE])
  }
  if (model$type == "field") model$error
}

# list(reduction, said) where there are arrows in a reduction, else NULL.
report_velocity <- function(object) {
  present <- reduction_names(object)
  drawn <- present[paste0("velocity_", present) %in% present]
  if (length(drawn) == 0L) {
    return(NULL)
  }
  columns <- intersect("velocity_confidence", column_names(object))
  sure <- if (length(columns) > 0L) cell_column(object, columns, "object")
  list(
    reduction = drawn[[length(drawn)]], confidence = if (!is.null(sure)) stats::median(sure, na.rm = TRUE),
    said = if (!is.null(sure)) paste0("median confidence of the velocities, the correlation with those of neighbours: ",
      format(stats::median(sure, na.rm = TRUE), digits = 2L))
  )
}

# The column of labels of the definition of fates, or NULL.
report_labels <- function(object) {
  labels <- stored_definition(object)$labels
  if (is.character(labels) && length(labels) == 1L) labels
}

seeds_text <- function(models, results) {
  of.models <- vapply(models, function(m) {
    seed <- m$config$seed
    if (is.null(seed)) "not known" else paste(unique(seed + c(0, length(m$states) - 1)), collapse = " to ")
  }, "")
  of.results <- unlist(lapply(results, function(r) if (is.list(r) && is.numeric(r[["seed"]])) r[["seed"]]))
  seeds <- c(
    if (length(of.models) > 0L) paste0("model ", names(of.models), " ", of.models),
    if (length(of.results) > 0L) paste0("results ", paste(unique(of.results), collapse = ", "))
  )
  if (length(seeds) == 0L) "none are kept." else paste0(paste(seeds, collapse = "; "), ".")
}

# Calls in the log of a Seurat object, without what depends on when they were made.
report_calls <- function(object) {
  if (!is_seurat(object)) {
    return(character())
  }
  log <- methods::slot(object, "commands")
  when <- vapply(log, function(entry) as.numeric(methods::slot(entry, "time.stamp")), 0)
  unname(unlist(lapply(log[order(when)], function(entry) {
    paste(trimws(methods::slot(entry, "call.string")), collapse = " ")
  })))
}

report_summary <- function(parts) {
  c(
    paste0(counted(parts$cells, "cell"), if (nrow(parts$times) > 1L) paste0(" of ", counted(nrow(parts$times), "time"),
      " (", parts$time.label, " ", paste(parts$times$time, collapse = ", "), ")"), "."),
    if (length(parts$verdicts) > 0L) paste0("The fit is ", paste(unique(parts$verdicts), collapse = ", "), "."),
    if (!is.null(parts$fates)) paste0("Fates: ", paste0(parts$fates$table$fate, " ",
      format(round(parts$fates$table$probability, 2L)), collapse = ", "), " (mean probability)."),
    paste0(counted(nrow(parts$doubts), "point"), " under \"What not to believe\".")
  )
}

# All numbers in one table.
report_numbers <- function(parts) {
  long <- function(section, table, by) {
    numbers <- names(table)[vapply(table, is.numeric, NA)]
    numbers <- setdiff(numbers, by)
    data.frame(
      section = rep(section, length(numbers) * nrow(table)), quantity = rep(numbers, each = nrow(table)),
      group = rep(as.character(table[[by]]), length(numbers)), value = as.numeric(unlist(table[numbers]))
    )
  }
  scores <- lapply(names(parts$scores), function(name) {
    table <- parts$scores[[name]]
    if (!is.null(table)) long(paste("model", name), table, intersect(c("time", "part"), names(table))[[1L]])
  })
  rbind(
    long("data", parts$times, "time"), do.call(rbind, scores),
    if (!is.null(parts$fates)) long("fates", parts$fates$table, "fate")
  )
}
