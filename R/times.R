# Times of cells: numbers, or what certainly means numbers of one unit. Takes a column or vector, gives doubles with
# the attributes `unit` ("day", "hour", "embryonic day", ...) and `origin` (of dates), where there are any.

# Words that stand before or after a number, and the unit they mean. `place`: "both", "before" or "after".
time_words <- local({
  rows <- list(
    c("day", "both", "d", "day", "days"), c("hour", "both", "h", "hr", "hrs", "hour", "hours"),
    c("week", "both", "w", "wk", "wks", "week", "weeks"), c("minute", "both", "min", "mins", "minute", "minutes"),
    c("embryonic day", "before", "e", "embryonic day"), c("embryonic day", "after", "dpc"),
    c("postnatal day", "before", "p", "pn", "postnatal day"), c("gestational week", "before", "gw"),
    c("post-conceptional week", "both", "pcw"), c("day in vitro", "both", "div"),
    c("hour post fertilisation", "after", "hpf"), c("day post fertilisation", "after", "dpf"),
    c("hour post infection", "after", "hpi"), c("day post infection", "after", "dpi")
  )
  do.call(rbind, lapply(rows, function(r) data.frame(word = r[-(1:2)], unit = r[[1L]], place = r[[2L]])))
})

# Times of all cells: finite, one for each of n cells, at least `distinct` different. Times that are equal but for
# rounding become one, unless `merge` is FALSE. `like`: times read before, in whose unit and since whose origin these
# are given.
check_times <- function(time, argument, n = NROW(time), distinct = 2L, merge = TRUE, like = NULL) {
  time <- plain_column(time)
  if (length(time) != n) {
    stop_input(
      argument, "`", argument, "` has ", length(time), " values, but there are ", n,
      " cells: one for each is needed."
    )
  }
  check_integer64(time, argument)
  read <- read_times(time, argument, attr(like, "origin"))
  bad <- which(!is.finite(read$time))
  if (length(bad) > 0L) {
    stop_input(
      argument, "`", argument, "` must be known for each cell: ", length(bad), " of ", n, " are ",
      read$time[[bad[[1L]]]], ", the first is cell ", bad[[1L]],
      ". Remove these cells or fill their times in."
    )
  }
  read <- in_unit_of(read, attr(like, "unit"), argument)
  times <- if (merge) merge_times(read$time) else read$time
  found <- sort(unique(times))
  if (length(found) < distinct) {
    stop_input(
      argument, "`", argument, "` must have at least ", distinct,
      " different times; all cells have ",
      paste(format(found), collapse = ", "), "."
    )
  }
  attr(times, "unit") <- read$unit
  attr(times, "origin") <- read$origin
  times
}

# list(time, unit, origin) of any kind of times; NA stays NA. `origin`: what dates count from, NULL for the first.
read_times <- function(time, argument, origin = NULL) {
  if (inherits(time, "difftime")) {
    unit <- c(secs = "second", mins = "minute", hours = "hour", days = "day", weeks = "week")[[units(time)]]
    return(list(time = as.numeric(unclass(time)), unit = unit))
  }
  if (inherits(time, c("Date", "POSIXct"))) {
    return(since_origin(time, origin))
  }
  if (is.factor(time)) {
    read <- read_texts(levels(time), unique(as.character(time)), argument)
    return(list(time = read$time[as.integer(time)], unit = read$unit))
  }
  if (is.character(time)) {
    values <- unique(time)
    read <- read_texts(values, values, argument)
    return(list(time = read$time[match(time, values)], unit = read$unit))
  }
  if (!is.numeric(time) || isS4(time)) {
    stop_input(
      argument, "`", argument, "` must be numbers (days, hours), not ", described(time),
      "; turn it into numbers since the start of the experiment."
    )
  }
  list(time = as.numeric(time))
}

# Dates and moments as days since the first, moments of less than two days as hours.
since_origin <- function(time, origin) {
  seconds <- as.numeric(unclass(time)) * if (inherits(time, "Date")) 86400 else 1
  if (is.null(origin)) origin <- suppressWarnings(min(seconds[is.finite(seconds)]))
  span <- suppressWarnings(max(seconds[is.finite(seconds)])) - origin
  unit <- if (inherits(time, "Date") || span >= 2 * 86400) "day" else "hour"
  list(time = (seconds - origin) / c(day = 86400, hour = 3600)[[unit]], unit = unit, origin = origin)
}

# list(time, unit) of texts, of which only those `used` must be readable; the others are NA.
read_texts <- function(texts, used, argument) {
  texts <- gsub("\u2212", "-", trimws(enc2utf8(texts), whitespace = "[\\h\\v\u00a0]"), fixed = TRUE)
  used <- gsub("\u2212", "-", trimws(enc2utf8(used), whitespace = "[\\h\\v\u00a0]"), fixed = TRUE)
  known <- !is.na(texts) & texts %in% used & nzchar(texts)
  parts <- text_parts(texts[known])
  reason <- doubtful_texts(parts)
  if (!is.null(reason)) stop_text_times(texts[known], reason, argument)
  time <- rep(NA_real_, length(texts))
  time[known] <- as.numeric(sub(",", ".", parts$number, fixed = TRUE))
  list(time = time, unit = if (any(!is.na(parts$unit))) parts$unit[!is.na(parts$unit)][[1L]])
}

# data.frame(text, number, unit, dash): what stands in each text; `number` is NA where it is no time, `unit` where
# there is none; `dash`: a hyphen between word and number, which is a sign or joins the two.
text_parts <- function(texts) {
  plain <- "[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?"
  number <- "[0-9]+([.,][0-9]+)?"
  before <- paste0("^([A-Za-z]+( [A-Za-z]+)?)([ _]*)([-+]?)(", number, ")$")
  after <- paste0("^([-+]?", number, ")[ _-]?([A-Za-z]+)$")
  comma <- paste0("^[-+]?", number, "$")
  out <- data.frame(text = texts, number = NA_character_, unit = NA_character_, dash = rep(FALSE, length(texts)))
  for (i in seq_along(texts)) {
    if (grepl(paste0("^", plain, "$"), texts[[i]]) || grepl(comma, texts[[i]])) {
      out$number[[i]] <- texts[[i]]
      next
    }
    m <- regmatches(texts[[i]], regexec(before, texts[[i]]))[[1L]]
    if (length(m) > 0L) {
      out$unit[[i]] <- word_unit(m[[2L]], c("both", "before"))
      out$dash[[i]] <- m[[5L]] == "-" && !nzchar(m[[4L]])
      if (!is.na(out$unit[[i]])) out$number[[i]] <- paste0(m[[5L]], m[[6L]])
      next
    }
    m <- regmatches(texts[[i]], regexec(after, texts[[i]]))[[1L]]
    if (length(m) == 0L) next
    out$unit[[i]] <- word_unit(m[[4L]], c("both", "after"))
    if (!is.na(out$unit[[i]])) out$number[[i]] <- m[[2L]]
  }
  out
}

word_unit <- function(word, places) {
  at <- which(time_words$word == tolower(word) & time_words$place %in% places)
  if (length(at) == 1L) time_words$unit[[at]] else NA_character_
}

# Why texts cannot be read with certainty, or NULL where they can.
doubtful_texts <- function(parts) {
  if (anyNA(parts$number)) {
    lost <- parts$text[is.na(parts$number)]
    if (all(grepl("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", lost))) {
      return("these are dates: turn them into dates with as.Date() first")
    }
    return(paste0(quoted(lost[[1L]]), " is not certainly a number of one unit"))
  }
  commas <- parts$text[grepl(",", parts$number, fixed = TRUE)]
  if (length(commas) > 0L && any(grepl(".", parts$number, fixed = TRUE))) {
    return("they hold both points and commas")
  }
  # 1,000 may be a thousand; 0,125 or 2,5 beside it tell that the comma is a decimal one.
  if (length(commas) > 0L && all(grepl("(^|[^0-9])[1-9][0-9]*,[0-9]{3}($|[^0-9])", commas))) {
    return("the comma may be a decimal one or one of thousands")
  }
  since.birth <- parts$unit %in% time_words$unit[time_words$place == "before"]
  if (any(parts$dash) && (all(parts$dash) || any(since.birth))) {
    return("the hyphen may be a minus or may join the two")
  }
  # Zero is zero in any unit of elapsed time.
  bare <- is.na(parts$unit) & !(!any(since.birth) & grepl("^[-+]?0+([.,]0*)?$", parts$number))
  units <- unique(parts$unit[!is.na(parts$unit)])
  if (length(units) > 1L) {
    return(paste0("they mix the units ", paste(units, collapse = " and ")))
  }
  if (length(units) == 1L && any(bare)) {
    return(paste0("some have the unit ", units, ", others none"))
  }
  NULL
}

stop_text_times <- function(texts, reason, argument) {
  stop_input(
    argument, "`", argument, "` must be numbers, but holds text: ", quoted(texts, 4L), "; ", reason,
    ". Give a column of numbers that says the time of each of these in one unit, such as days since the start",
    "; texts such as \"D2\", \"24h\" or \"E8.5\", all alike, are read as times."
  )
}

# Times in the unit of those read before; numbers without a unit are taken to be in it.
in_unit_of <- function(read, unit, argument) {
  if (is.null(unit) || is.null(read$unit) || identical(read$unit, unit)) {
    if (is.null(read$unit)) read["unit"] <- list(unit)
    return(read)
  }
  hours <- c(second = 1 / 3600, minute = 1 / 60, hour = 1, day = 24, week = 168)
  if (!all(c(unit, read$unit) %in% names(hours))) {
    stop_input(argument, "`", argument, "` is in the unit ", read$unit, ", but ", unit, " is needed.")
  }
  read$time <- read$time * hours[[read$unit]] / hours[[unit]]
  read$unit <- unit
  read
}

# Times whose distance is rounding become one, the most common of them.
merge_times <- function(time) {
  values <- sort(unique(time))
  if (length(values) < 2L) {
    return(time)
  }
  near <- diff(values) <= 1e-9 * (values[[length(values)]] - values[[1L]])
  if (!any(near)) {
    return(time)
  }
  count <- tabulate(match(time, values), length(values))
  group <- cumsum(c(TRUE, !near))
  chosen <- vapply(split(seq_along(values), group), function(at) values[[at[[which.max(count[at])]]]], numeric(1))
  unname(chosen[group[match(time, values)]])
}

# Times that are those of a model but for rounding become these.
nearest_known <- function(time, known) {
  span <- max(known) - min(known)
  for (t in known) time[abs(time - t) <= 1e-9 * span] <- t
  time
}

# A warning that names times at which there are fewer cells than a cloud needs.
warn_few_cells <- function(time, argument, least = 2L) {
  counts <- table(time)
  few <- names(counts)[counts < least]
  if (length(few) == length(counts)) {
    stop_input(argument, "`", argument, "`: each time has only one cell; several cells at each of a few times are ",
      "needed, as clouds of cells are compared. Group the times, for instance by BinTime().")
  }
  if (length(few) > 0L) {
    rlang::warn(
      paste0("`", argument, "`: there are fewer than ", least, " cells at time ", paste(few, collapse = ", "),
        "; a cloud of one cell tells little. Leave these cells out, or put them with the nearest time."),
      class = c("fatefield_warning_times", "fatefield_warning")
    )
  }
  invisible()
}
