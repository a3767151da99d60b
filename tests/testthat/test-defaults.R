# Defaults that help pages state, against those that the code takes: of functions, and of the engine where an
# argument is left at NULL or goes through `...`.

# Which options of the engine a page tells of.
groups_of_page <- list(
  SinkhornOptions = "sinkhorn", OTDistance = c("sinkhorn", "sliced"), OTPlan = c("sinkhorn", "sliced"),
  SDEOptions = c("sde", "train"), FitSDE = c("sde", "train"), FieldOptions = c("field", "vfc"),
  FitVelocityField = "field", EstimateVelocity = c("velocity", "dynamical"), ClassifyTrajectories = "label",
  DefineFates = "label", RetrogradeCells = "integrate",
  EmbedVelocity = c("velocity.graph", "transition", "terminal", "pseudotime", "latent.time"),
  TransitionMatrix = c("transition", "kernel"), FindMacrostates = "macrostate",
  AbsorptionProbabilities = "absorption", PlotVelocity = "stream", PredictFate = c("label", "fate", "plan"),
  FateDynamics = "label", CompareNoise = c("label", "fate"), FindFateDrivers = "label",
  CoexpressionNetwork = c("network", "leiden"), CellCriticality = "criticality", LyapunovExponents = "lyapunov",
  IntegrateCells = "integrate", SimulateTwoBranch = "two.branch", SimulateDifferentiation = "differentiation"
)

# Options of which a page cannot state one value: a user cannot set them, or their default hangs on the data.
without_value <- list(
  sde = "compat", field = "compat", label = c("cutoff.quantile", "compat"),
  velocity.graph = c("max.neighbors", "sqrt.transform"), leiden = c("max.rounds", "randomness"),
  criticality = "drop.infinite", lyapunov = c("positive", "orthonormalise"), differentiation = "n.clones",
  knn = c("method", "recall", "trees", "search")
)

# Arguments whose default follows from others, with a number in what is said of it.
follows <- c("compat", "n.sim", "t.out")

# The name of an argument in the engine where it has another one there.
engine_names <- c(cutoff = "cutoff.factor", n.neighbors = "k", n.steps = "steps")

# Parsed pages by their names: those of the source, which may be newer, else those of the installed package.
help_pages <- function() {
  files <- Sys.glob(file.path(test_path("..", ".."), "man", "*.Rd"))
  if (length(files) > 0L) {
    pages <- lapply(files, tools::parse_Rd)
    return(stats::setNames(pages, sub("[.]Rd$", "", basename(files))))
  }
  pages <- tryCatch(tools::Rd_db("fatefield"), error = function(e) list())
  if (length(pages) == 0L) skip("no help pages here")
  stats::setNames(pages, sub("[.]Rd$", "", names(pages)))
}

tag_of <- function(x) {
  tag <- attr(x, "Rd_tag")
  if (is.null(tag)) "" else tag
}

# Plain text, code between backticks.
plain_text <- function(x) {
  text <- if (is.list(x)) paste(vapply(x, plain_text, ""), collapse = "") else paste(x, collapse = "")
  if (tag_of(x) == "\\code") paste0("`", text, "`") else text
}

# list(names, text) of each argument that a page describes.
page_arguments <- function(page) {
  part <- Filter(function(x) tag_of(x) == "\\arguments", page)
  items <- Filter(function(x) tag_of(x) == "\\item", unlist(lapply(part, identity), recursive = FALSE))
  lapply(items, function(item) {
    names <- vapply(item[[1L]], function(x) if (tag_of(x) %in% c("\\dots", "\\ldots")) "..." else plain_text(x), "")
    list(
      names = trimws(strsplit(paste(names, collapse = ""), ",", fixed = TRUE)[[1L]]),
      text = gsub("[[:space:]]+", " ", plain_text(item[[2L]]))
    )
  })
}

one_value <- "(?:`[^`]*`|-?[0-9]+(?:,[0-9]{3})*(?:[.][0-9]+)?(?:e-?[0-9]+)?(?:/[0-9]+)?)"
some_values <- paste0(one_value, "(?:(?:, | and |, and )", one_value, ")*")

all_matches <- function(pattern, text) regmatches(text, gregexpr(pattern, text, perl = TRUE))[[1L]]

# The values that a text gives as defaults, as it writes them; character() for none.
stated_values <- function(text) {
  flat <- gsub(" ?[(](?!default)[^()`]*[)](?![^`]*`[^`]*(?:`[^`]*`[^`]*)*$)", "", text, perl = TRUE)
  found <- c(
    all_matches(paste0("[Dd]efaults? (?:is )?", some_values), flat),
    all_matches(paste0("`NULL` (?:takes|means|is) ", some_values), flat),
    all_matches(paste0(one_value, "(?= [(]default)"), flat)
  )
  if (length(found) == 0L) return(character())
  all_matches(one_value, sub("^`NULL` [a-z]+ |^[Dd]efaults? (is )?", "", found[[1L]]))
}

# A value as written; NULL for what is none, such as a name.
read_value <- function(written) {
  written <- gsub("`", "", written, fixed = TRUE)
  if (grepl("^[0-9]+(,[0-9]{3})+$", written)) written <- gsub(",", "", written, fixed = TRUE)
  parsed <- tryCatch(parse(text = written)[[1L]], error = function(e) NULL)
  if (is.name(parsed) || !all(all.names(parsed) %in% c("c", "integer", "/", "-", "+"))) return(NULL)
  eval(parsed, baseenv())
}

# The defaults of the functions of a page: those of the generic and of its methods that are not NULL.
page_formals <- function(page) {
  aliases <- vapply(Filter(function(x) tag_of(x) == "\\alias", page), plain_text, "")
  space <- asNamespace("fatefield")
  found <- list()
  for (name in aliases[vapply(aliases, exists, NA, envir = space, mode = "function", inherits = FALSE)]) {
    given <- as.list(formals(get(name, space)))
    given <- given[nzchar(as.character(given)) & !vapply(given, is.null, NA)]
    for (argument in names(given)) {
      default <- given[[argument]]
      value <- if (is.language(default)) tryCatch(eval(default, space), error = function(e) NULL) else default
      # A choice: the first.
      if (is.character(value) && length(value) > 1L) value <- value[[1L]]
      if (!is.null(value)) found[[argument]] <- value
    }
  }
  found
}

# What the code takes: a list of one value for each place that may be meant, named by group, or by "formals".
taken_values <- function(argument, groups, formals) {
  if (!is.null(formals[[argument]])) return(list(formals = formals[[argument]]))
  name <- if (argument %in% names(engine_names)) engine_names[[argument]] else argument
  values <- lapply(stats::setNames(nm = groups), function(group) {
    known <- engine_defaults(group)
    if (is.null(known[[name]])) known[[argument]] else known[[name]]
  })
  Filter(Negate(is.null), values)
}

same_value <- function(a, b) {
  if (is.numeric(a) && is.numeric(b)) return(isTRUE(all.equal(as.numeric(a), as.numeric(b), tolerance = 1e-9)))
  identical(a, b)
}

# Every statement of a page: data.frame of argument, group, what is written, and whether the code takes it.
page_statements <- function(page, groups = NULL) {
  formals <- page_formals(page)
  rows <- list()
  add <- function(argument, written) {
    value <- read_value(written)
    taken <- taken_values(argument, groups, formals)
    if (length(taken) == 0L && is.numeric(value) && !argument %in% follows) taken <- list(unknown = NULL)
    if (is.null(value) || length(taken) == 0L) return()
    rows[[length(rows) + 1L]] <<- data.frame(
      argument = argument, group = names(taken), written = written,
      right = vapply(taken, same_value, NA, b = value), row.names = NULL
    )
  }
  for (item in page_arguments(page)) {
    values <- stated_values(item$text)
    if (!identical(item$names, "...")) {
      for (i in seq_len(min(length(values), length(item$names)))) add(item$names[[i]], values[[i]])
    }
    # Lists of options, as in `dt = 0`; elsewhere such code tells what to give, not what is taken.
    if (any(c("...", "vfc", if ("plan" %in% groups) "options") %in% item$names)) {
      for (code in all_matches("`[A-Za-z0-9.]+ = [^`]+`", item$text)) {
        parts <- regmatches(gsub("`", "", code), regexpr(" = ", gsub("`", "", code)), invert = TRUE)[[1L]]
        if (parts[[1L]] != "compat") add(parts[[1L]], parts[[2L]])
      }
    }
  }
  do.call(rbind, rows)
}

all_statements <- function(pages) {
  do.call(rbind, lapply(names(pages), function(name) {
    found <- page_statements(pages[[name]], groups_of_page[[name]])
    if (!is.null(found)) cbind(page = name, found)
  }))
}

described_rows <- function(x) sprintf("%s: `%s` is said to be %s", x$page, x$argument, x$written)

test_that("help pages state the defaults that are taken", {
  found <- all_statements(help_pages())
  expect_identical(described_rows(found[found$group == "unknown", ]), character())
  expect_gt(sum(found$group == "formals"), 80)
  expect_gt(sum(found$group != "formals"), 130)
  expect_identical(described_rows(found[!found$right, ]), character())
})

test_that("every option of the engine that a user can set has its default on a help page", {
  pages <- help_pages()
  found <- all_statements(pages)
  for (group in names(default_groups())) {
    names <- setdiff(names(engine_defaults(group)), without_value[[group]])
    said <- found$argument[found$group == group]
    said <- c(said, engine_names[intersect(said, names(engine_names))])
    # Usage says it where the function has the engine's value as its own default.
    for (page in names(groups_of_page)[vapply(groups_of_page, function(g) group %in% g, NA)]) {
      own <- page_formals(pages[[page]])
      shared <- intersect(names(own), names)
      same <- function(n) same_value(own[[n]], engine_defaults(group)[[n]])
      said <- c(said, shared[vapply(shared, same, NA)])
    }
    expect_identical(paste(group, setdiff(names, said)), paste(group, character()), info = group)
  }
})

test_that("a page with a wrong default is found out", {
  page <- function(...) {
    file <- withr_file(c("\\name{p}", "\\alias{SDEOptions}", "\\title{p}", "\\arguments{", ..., "}"))
    page_statements(tools::parse_Rd(file), c("sde", "train", "vfc"))
  }
  withr_file <- function(lines) {
    file <- tempfile(fileext = ".Rd")
    writeLines(lines, file)
    file
  }
  right <- page(
    "\\item{eval.every}{Updates; default 25, as ever.}", "\\item{blur, scaling, reach}{Defaults 0.1, 0.7 and 0.}",
    "\\item{drift}{\\code{\"potential\"} (default): a gradient.}", "\\item{dropout}{\\code{NULL} takes 0.}",
    "\\item{drift.hidden,growth.hidden}{Defaults \\code{c(128, 128)} (wide), \\code{c(64, 64)}.}",
    "\\item{learning.rate,weight.decay}{Defaults 0 (at first) and 0.0001.}",
    "\\item{...}{More: \\code{tolerance = 1e-5}; \\code{iterations = 500}.}"
  )
  expect_identical(
    right$argument,
    c(
      "eval.every", "blur", "scaling", "reach", "drift", "dropout", "drift.hidden", "growth.hidden", "learning.rate",
      "weight.decay", "tolerance", "iterations"
    )
  )
  expect_true(all(right$right))
  wrong <- page(
    "\\item{eval.every}{Updates; default 26.}", "\\item{blur, scaling, reach}{Defaults 0.1, 0.7 and 1.}",
    "\\item{drift}{\\code{\"forward\"} (default).}", "\\item{drift.hidden}{Default \\code{c(128, 64)}.}",
    "\\item{...}{More: \\code{tolerance = 1e-4}.}", "\\item{no.such}{Default 3.}"
  )
  expect_identical(
    wrong$argument[!wrong$right], c("eval.every", "reach", "drift", "drift.hidden", "tolerance", "no.such")
  )
  expect_identical(wrong$group[wrong$argument == "no.such"], "unknown")
})

test_that("defaults are printed as a user writes them", {
  expect_identical(doc_default("train", "finish.rate"), "1")
  expect_identical(doc_default("train", "sliced.weight", "scdiffeq"), "0")
  expect_identical(doc_default("sde", "drift.hidden"), "`c(128, 128)`")
  expect_identical(doc_default("sde", "drift"), "`\"potential\"`")
  expect_identical(doc_default("sde", "growth"), "`FALSE`")
  expect_identical(doc_default("field", "kl.warmup"), "1/3")
  expect_identical(doc_option("vfc", "tolerance"), "`tolerance = 1e-5`")
  expect_identical(doc_option("integrate", "solver"), "`solver = \"dopri5\"`")
  expect_identical(vapply(c(1e6, 50000, 0.0001, 1e-12, 0), doc_value, ""), c("1e6", "50000", "0.0001", "1e-12", "0"))
  expect_identical(doc_value(integer()), "integer(0)")
  expect_error(doc_default("train", "blurr"), "none called blurr")
  expect_error(doc_default("trains", "blur"), "no group of options called trains")
})
