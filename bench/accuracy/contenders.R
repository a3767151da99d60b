# The contenders of accuracy.R: what they are called by, how they fit and how they predict. Sourced by it and by
# larry.R.

# "updates=2000;growth=\"learned\"" as a named list; values are R expressions, and words are strings.
parsed_options <- function(text) {
  pairs <- strsplit(text, ";")[[1L]]
  stopifnot(`options are name=value` = grepl("=", pairs))
  values <- lapply(sub("^[^=]*=", "", pairs), function(value) {
    value <- str2lang(trimws(value))
    if (is.name(value)) as.character(value) else eval(value, baseenv())
  })
  stats::setNames(values, trimws(sub("=.*", "", pairs)))
}

contender <- function(text) {
  if (text == "plan") return(list(name = text, kind = "plan"))
  if (text == "default") return(list(name = text, kind = "model"))
  if (text == "scdiffeq") {
    return(list(name = text, kind = "model", fit = list(compat = text), predict = list(compat = text)))
  }
  options <- parsed_options(text)
  name <- if (is.null(options$name)) text else options$name
  options$name <- NULL
  of_fate <- grepl("^predict[.]", names(options))
  predict <- options[of_fate]
  names(predict) <- sub("^predict[.]", "", names(predict))
  kind <- if (identical(predict$method, "plan")) "plan" else "model"
  list(name = name, kind = kind, fit = options[!of_fate], predict = predict)
}

# Calls `name` with symbols in the place of data, so that no call holds the cells.
call_with <- function(name, symbols, options, frame) {
  eval(as.call(c(list(as.name(name)), symbols, options)), frame)
}

# A model of the cells `rows`.
fit_model <- function(options, s, rows) {
  object <- s$object
  all_rows <- length(rows) == nrow(s$x)
  if (is.matrix(object)) {
    object <- object[rows, , drop = FALSE]
    time <- s$time[rows]
    return(call_with("FitSDE", alist(object, time = time, verbose = FALSE), options, environment()))
  }
  time <- s$time
  symbols <- alist(object, time = time, verbose = FALSE)
  if (!all_rows) symbols <- c(symbols, alist(cells = rows))
  GetModel(call_with("FitSDE", symbols, options, environment()))
}

# True fates, or an empty matrix that names the fates.
fate_columns <- function(s) {
  if (!is.null(s$fate)) return(s$fate)
  fates <- setdiff(sort(unique(s$labels[!is.na(s$labels)])), s$exclude)
  matrix(NA_real_, nrow(s$x), length(fates), dimnames = list(NULL, fates))
}

# Fates of the cells s$predict, rows summing to 1 in the order of the true ones, and the seconds it took.
predict_cells <- function(s, options, model = NULL) {
  x <- s$x
  labels <- s$labels
  time <- s$times
  cells <- s$predict
  symbols <- alist(x, labels = labels, cells = cells, time = time, verbose = FALSE)
  if (!is.null(model)) symbols <- c(symbols, alist(model = model))
  options <- c(list(exclude = s$exclude, reference = s$reference), options)
  options <- options[!vapply(options, is.null, NA)]
  taken <- system.time(result <- call_with("PredictFate", symbols, options, environment()))
  p <- result$probability[, colnames(fate_columns(s)), drop = FALSE]
  list(p = p / rowSums(p), seconds = taken[["elapsed"]])
}

has_plan <- function() "method" %in% names(formals(fatefield:::PredictFate.default))

# What the plan alone says, between all cells of the setting; NULL where there is none.
plan_fates <- function(s) {
  if (is.null(s$labels) || !has_plan()) return(NULL)
  tryCatch(predict_cells(s, list(method = "plan")), error = function(e) {
    message(s$name, ", plan: ", conditionMessage(e))
    NULL
  })
}
