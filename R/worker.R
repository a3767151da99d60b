# How a method for objects hands its arguments to the worker that does the job.

# Calls `.worker` with the arguments of the calling function that have the same names, but for those given here by
# name; those that the caller's user left out are left out again, so that each default stands once.
call_worker <- function(.worker, ...) {
  frame <- parent.frame()
  given <- list(...)
  shared <- setdiff(intersect(names(formals(.worker)), names(formals(sys.function(sys.parent())))),
    c("...", names(given)))
  present <- shared[!vapply(shared, function(name) {
    eval(call("missing", as.name(name)), frame) && is_empty_name(formals(.worker)[[name]])
  }, logical(1))]
  do.call(.worker, c(given, mget(present, envir = frame)), quote = TRUE)
}

is_empty_name <- function(x) is.name(x) && !nzchar(as.character(x))
