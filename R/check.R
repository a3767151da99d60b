# Checks of single arguments: each returns the value in its plain form or stops with a
# fatefield_error_input.

# What a value is, in a few words, for messages.
described <- function(x) {
  if (is.null(x)) {
    return("NULL")
  }
  if (is.atomic(x) && is.null(dim(x)) && length(x) == 1L) {
    return(if (is.character(x)) quoted(x) else format(x))
  }
  if (!is.null(dim(x)) && length(dim(x)) == 2L) {
    return(paste0("a ", class(x)[[1L]], " of ", nrow(x), " x ", ncol(x)))
  }
  kind <- if (is.numeric(x) && !is.factor(x)) "numeric" else class(x)[[1L]]
  if (!is.atomic(x)) {
    return(paste0("an object of class ", kind))
  }
  paste0("a ", kind, " vector of length ", length(x))
}

# Names in quotes with commas between; the first few when there are many.
quoted <- function(names, most = 12L) {
  shown <- paste0("\"", utils::head(names, most), "\"", collapse = ", ")
  if (length(names) == 0L) "none" else if (length(names) > most) paste0(shown, ", ...") else shown
}

# " Did you mean ...?" where a present name is close to the one asked for, else nothing.
near <- function(name, present) {
  if (length(present) == 0L) {
    return("")
  }
  distance <- drop(utils::adist(name, present, ignore.case = TRUE))
  # One or two letters stand in too many words.
  contains <- nchar(name) > 2L & grepl(tolower(name), tolower(present), fixed = TRUE)
  close <- present[distance <= max(1, 0.34 * nchar(name)) | contains]
  close <- close[order(drop(utils::adist(name, close, ignore.case = TRUE)))]
  if (length(close) == 0L) "" else paste0(" Did you mean ", quoted(close, 3L), "?")
}

# What arguments of version 0.1.0 are called now; each verb has some of them.
renamed_arguments <- list(
  start = "t.start", from = "t.start", time = "t.end", times = "t.out", time.out = "t.out", background = "observed",
  observed = "truth", name = c("velocity", "store.as"), column = "store.as", assay.name = "store.as",
  reduction.name = "store.as", prefix = "store.as", features = "genes", k = "n.neighbors", k.paths = "n.neighbors",
  k.vote = "k", max.neighbors = "n.neighbors", smooth = "n.neighbors", labels = "n.label", top = "n.top",
  steps = "n.steps", directions = "n.directions", colour.by = "group.by", colour = "group.by", color.by = "group.by",
  max.cells = "raster"
)

# What an unknown argument may have been meant to be: one that it is called now, else one that is spelt alike.
near_argument <- function(name, known) {
  now <- renamed_arguments[[name]]
  fits <- intersect(now, known)
  if (length(fits) > 0L) {
    return(paste0(" It is ", paste0("`", fits, "`", collapse = " or "), " now."))
  }
  close <- near(name, known)
  # Workers that store nothing do not have this one.
  if (!nzchar(close) && "store.as" %in% now) " What is stored is named by `store.as`." else close
}

# Stops when `...` holds anything: a misspelt argument is not passed over. `.known`: the arguments; its point keeps
# what a user calls `k` from being taken for it.
check_no_dots <- function(.known, ...) {
  if (...length() == 0L) {
    return(invisible())
  }
  given <- ...names()
  name <- given[nzchar(given)]
  if (length(name) == 0L) {
    stop_input("...", "There are more arguments than this function has; name them.")
  }
  stop_input(name[[1L]], "There is no argument `", name[[1L]], "`.", near_argument(name[[1L]], .known))
}

# One whole number of at least `min`, as integer where it fits.
check_count <- function(n, argument, min = 1L) {
  fits <- is.numeric(n) && length(n) == 1L && is.finite(n) && n == round(n) && n >= min
  if (!fits) {
    stop_input(
      argument, "`", argument, "` must be one whole number of at least ", min, ", not ",
      described(n), "."
    )
  }
  if (n <= .Machine$integer.max) as.integer(n) else as.numeric(n)
}

# One finite number in [min, max].
check_number <- function(x, argument, min = -Inf, max = Inf) {
  if (!is.numeric(x) || length(x) != 1L || !is.finite(x) || x < min || x > max) {
    range <- if (is.finite(min) && is.finite(max)) {
      paste0(" between ", min, " and ", max)
    } else if (is.finite(min)) {
      paste0(" of at least ", min)
    } else if (is.finite(max)) {
      paste0(" of at most ", max)
    }
    stop_input(argument, "`", argument, "` must be one number", range, ", not ", described(x), ".")
  }
  as.numeric(x)
}

check_flag <- function(x, argument) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) {
    stop_input(argument, "`", argument, "` must be TRUE or FALSE, not ", described(x), ".")
  }
  x
}

check_string <- function(x, argument) {
  if (!is.character(x) || length(x) != 1L || is.na(x) || !nzchar(x)) {
    stop_input(argument, "`", argument, "` must be one string, not ", described(x), ".")
  }
  x
}

# One of `choices`; the whole vector of choices, as an untouched default, means the first.
check_choice <- function(x, choices, argument) {
  if (identical(x, choices)) {
    return(choices[[1L]])
  }
  if (!is.character(x) || length(x) != 1L || is.na(x) || !x %in% choices) {
    stop_input(
      argument, "`", argument, "` must be one of ", quoted(choices), ", not ", described(x), "."
    )
  }
  x
}

# Labels of all cells as a factor without unused levels; NA and "" mean unlabelled, but not all may
# be.
check_labels <- function(labels, argument, n = length(labels), distinct = 1L) {
  if (!is.atomic(labels) || length(labels) != n) {
    stop_input(
      argument, "`", argument, "` must be a vector of one label for each of the ", n,
      " cells, not ",
      described(labels), "."
    )
  }
  levels <- if (is.factor(labels)) levels(labels) else sort(unique(labels[!is.na(labels)]))
  text <- as.character(labels)
  text[!is.na(text) & !nzchar(text)] <- NA
  out <- factor(text, levels = intersect(as.character(levels), text))
  if (nlevels(out) < distinct) {
    found <- if (nlevels(out) == 0L) "none of the cells has one" else paste0("found ",
    quoted(levels(out)))
    stop_input(
      argument, "`", argument, "` needs at least ", distinct, " label", if (distinct > 1L) "s",
      "; ", found, "."
    )
  }
  out
}

# Cells by name, number or TRUE/FALSE as numbers into `all`, the names of all cells; NULL means all
# of them.
check_cells <- function(cells, all, argument = "cells") {
  if (is.null(cells)) {
    return(seq_along(all))
  }
  if (is.factor(cells)) cells <- as.character(cells)
  index <- if (is.character(cells)) {
    match(cells, all)
  } else if (is.logical(cells)) {
    if (length(cells) != length(all)) {
      stop_input(
        argument, "`", argument, "` has ", length(cells), " TRUE/FALSE values, but there are ",
        length(all), " cells."
      )
    }
    if (anyNA(cells)) {
      stop_input(
        argument, "`", argument, "` must be TRUE or FALSE for each cell; some are NA."
      )
    }
    which(cells)
  } else if (is.numeric(cells)) {
    ifelse(is.finite(cells) & cells == round(cells) & cells >= 1 & cells <= length(all), cells, NA)
  } else {
    stop_input(
      argument,
      "`", argument, "` must be names of cells, their numbers, or TRUE/FALSE for each, not ",
      described(cells), "."
    )
  }
  if (anyNA(index)) {
    lost <- cells[is.na(index)]
    what <- if (is.character(cells)) quoted(lost[[1L]]) else paste0("number ", lost[[1L]])
    stop_input(
      argument, "`", argument, "`: ", length(lost), " of ", length(cells),
      " are not in the object, the first is ",
      what, "."
    )
  }
  if (length(index) == 0L) stop_input(argument, "`", argument, "` selects no cell.")
  if (anyDuplicated(index) > 0L) {
    stop_input(
      argument, "`", argument, "` names ", quoted(all[[index[[anyDuplicated(index)]]]]), " twice."
    )
  }
  as.integer(index)
}

# The seed of our own generator. NULL draws one from R's stream, so that set.seed() governs; else
# it is untouched.
seed_from <- function(seed.use, argument = "seed.use") {
  if (is.null(seed.use)) {
    return(as.numeric(sample.int(.Machine$integer.max, 1L)))
  }
  fits <- is.numeric(seed.use) && length(seed.use) == 1L && is.finite(seed.use) &&
    seed.use == round(seed.use) && seed.use >= 0 && seed.use <= 2^53
  if (!fits) {
    stop_input(
      argument,
      "`", argument, "` must be one whole number of at least 0, or NULL to draw one, not ",
      described(seed.use), "."
    )
  }
  as.numeric(seed.use)
}
