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
