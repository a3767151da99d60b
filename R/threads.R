# How many threads the core may use: options(fatefield.threads = n) where the user has set it, else
# all cores this process may use. Two at most under R CMD check, which allows no more.
thread_count <- function() {
  set <- getOption("fatefield.threads")
  if (!is.null(set)) {
    return(check_count(set, "fatefield.threads"))
  }
  limit <- Sys.getenv("_R_CHECK_LIMIT_CORES_")
  limited <- nzchar(limit) && !identical(tolower(limit), "false")
  cores <- available_cores()
  if (limited) min(cores, 2L) else cores
}

# Up to this many products of weights and rows in a pass through the networks, one thread is as fast as many:
# to wake a thread takes as long.
small_pass <- 1e6

# Sets the number of threads until `frame` ends, where it is given.
local_threads <- function(threads, frame = parent.frame()) {
  if (!is.null(threads)) {
    rlang::local_options(fatefield.threads = check_count(threads, "threads"), .frame = frame)
  }
}

# One thread until `frame` ends where a training is too small for more and the user has not said.
# `batch`: cells of each time in an update, 0 for all.
local_fit_threads <- function(parameters, batch, time, frame = parent.frame()) {
  cells <- max(tabulate(match(time, unique(time))))
  if (batch > 0) cells <- min(cells, batch)
  if (is.null(getOption("fatefield.threads")) && parameters * cells <= small_pass) local_threads(1L, frame)
}
