# Work in pieces on the workers of the user's future::plan(). A piece is a function of one value, whose environment
# holds all that it needs and no engine: external pointers do not travel.

# Looks at arguments now: a function that is made for workers must hold values, not promises.
force_all <- function(...) invisible(list(...))

# Times that a piece is started before its worker is said to die of it.
chunk_tries <- 3L

# Workers of the plan; 1 where none was made or future is not there.
plan_workers <- function() {
  if (!"future" %in% loadedNamespaces()) {
    return(1L)
  }
  as.integer(min(future::nbrOfWorkers(), 1000))
}

# list(results, whole): work(x, tick) of each of `pieces`, in their order; on workers each runs on one thread. `done` is
# told how many are finished, `within` what the work tells by its tick, behind the number of the piece, in this session
# alone. An interrupt ends it: `results` are those finished, from the first on, and `whole` is FALSE.
plan_chunks <- function(pieces, work, done = function(n) NULL, within = function(i, ...) NULL,
                        workers = plan_workers()) {
  results <- list()
  whole <- tryCatch({
    if (workers > 1L && length(pieces) > 1L) {
      waves <- split(seq_along(pieces), (seq_along(pieces) - 1L) %/% workers)
      for (wave in waves) {
        results <- c(results, chunk_wave(pieces, wave, work))
        done(length(results))
      }
    } else {
      for (i in seq_along(pieces)) {
        results[i] <- list(work(pieces[[i]], function(...) within(i, ...)))
        done(i)
      }
    }
    TRUE
  }, interrupt = function(e) FALSE)
  list(results = results, whole = whole)
}

# Pieces `at` at the same time. What a dead worker held is started again, on a plan made anew.
chunk_wave <- function(pieces, at, work) {
  found <- vector("list", length(at))
  todo <- seq_along(at)
  for (try in seq_len(chunk_tries)) {
    started <- lapply(todo, function(i) tryCatch(start_chunk(pieces[[at[[i]]]], work), error = identity))
    came <- lapply(started, chunk_value)
    lost <- vapply(came, inherits, NA, what = "FutureError")
    found[todo[!lost]] <- lapply(came[!lost], list)
    todo <- todo[lost]
    if (length(todo) == 0L) break
    renew_plan()
  }
  if (length(todo) > 0L) {
    rlang::abort(
      paste0("Workers of future::plan() died ", chunk_tries, " times of ", counted(length(todo), "piece"), " (number ",
        paste(at[todo], collapse = ", "), " of ", length(pieces), "): ", conditionMessage(came[lost][[1L]])),
      class = c("fatefield_error_worker", "fatefield_error"), call = NULL
    )
  }
  lapply(found, `[[`, 1L)
}

# Functions of the package know each other where its namespace is loaded, so that only what they hold is sent.
start_chunk <- function(piece, work) {
  # Cells and models are as large as they are.
  rlang::local_options(future.globals.maxSize = Inf)
  future::future(
    {
      rlang::local_options(fatefield.threads = 1L)
      work(piece, function(...) NULL)
    },
    globals = list(piece = piece, work = work), packages = "fatefield", seed = NULL
  )
}

# The value, or the error of a worker that is gone. Errors of the work itself are the caller's.
chunk_value <- function(started) {
  if (inherits(started, "error")) {
    return(if (inherits(started, "FutureError")) started else stop(started))
  }
  tryCatch(future::value(started), FutureError = identity)
}

# A plan keeps dead workers: they are replaced.
renew_plan <- function() {
  plan <- future::plan("list")
  future::plan(future::sequential)
  future::plan(plan)
}
