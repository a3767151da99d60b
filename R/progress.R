# Progress of long work. progress_bar() gives a function tick(done, note): `done` units of `total`
# are finished; `note` is a few words, such as the loss. Ticks come on R's own thread.
# Shown by progressr where its handlers are active (the user decides how), else, when verbose, as a
# bar with the time left on a terminal, or as a line every ten seconds elsewhere.
# The bar ends with the frame `envir`, so work that stops early needs no farewell.
progress_bar <- function(total, label, verbose = TRUE, envir = parent.frame(),
                         clock = function() proc.time()[["elapsed"]]) {
  if (total < 1) {
    return(function(done, note = "") invisible())
  }
  if (progressr_listens()) {
    return(progressr_bar(total, label, envir))
  }
  if (!verbose) {
    return(function(done, note = "") invisible())
  }
  if (cli::is_dynamic_tty(stderr())) {
    return(terminal_bar(total, label, envir))
  }
  line_bar(total, label, clock)
}

# TRUE inside progressr::with_progress() and where its handlers are registered globally.
progressr_listens <- function() {
  if (!"progressr" %in% loadedNamespaces()) {
    return(FALSE)
  }
  if (isTRUE(progressr::handlers(global = NA))) {
    return(TRUE)
  }
  inside <- function(i) identical(sys.function(i), progressr::with_progress)
  any(vapply(seq_len(sys.nframe()), inside, logical(1L)))
}

progressr_bar <- function(total, label, envir) {
  step <- progressr::progressor(steps = total, label = label, envir = envir)
  last <- 0
  function(done, note = "") {
    if (done > last) step(message = paste(label, note), amount = done - last)
    last <<- max(last, done)
    invisible()
  }
}

terminal_bar <- function(total, label, envir) {
  id <- cli::cli_progress_bar(
    name = label, total = total, .envir = envir, extra = list(note = ""),
    format = paste(
      "{cli::pb_name}{cli::pb_bar} {cli::pb_percent} | ETA: {cli::pb_eta} | {cli::pb_extra$note}"
    )
  )
  function(done, note = "") {
    cli::cli_progress_update(set = done, id = id, extra = list(note = note))
    invisible()
  }
}

# For logs: nothing for work of up to two seconds.
line_bar <- function(total, label, clock) {
  start <- clock()
  shown <- start
  function(done, note = "") {
    now <- clock()
    note <- if (nzchar(note)) paste0(", ", note) else ""
    if (done >= total && now - start > 2) {
      message(label, ": done in ", in_words(now - start), note)
    } else if (done > 0 && done < total && now - shown >= 10) {
      left <- (now - start) * (total - done) / done
      percent <- round(100 * done / total)
      message(label, ": ", percent, " %, ", in_words(left), " left", note)
      shown <<- now
    }
    invisible()
  }
}

# Seconds as people say them: "8 s", "2 min 5 s", "1 h 3 min".
in_words <- function(seconds) {
  s <- round(seconds)
  if (s < 60) {
    return(paste(s, "s"))
  }
  if (s < 3600) {
    return(paste(s %/% 60, "min", s %% 60, "s"))
  }
  paste(s %/% 3600, "h", (s %% 3600) %/% 60, "min")
}
