# Errors users see: classed conditions that name the argument, what was found and what is needed.

# Raised by the glue for every error of the core; `kind` is "input", "model", "file" or "numeric".
stop_core <- function(kind, argument, message) {
  rlang::abort(
    message = message,
    class = c(paste0("fatefield_error_", kind), "fatefield_error"),
    argument = argument,
    call = NULL
  )
}

# A bad argument. `message` is glued by the caller with paste0(): what was found, what is needed.
stop_input <- function(argument, ...) {
  stop_core(kind = "input", argument = argument, message = paste0(...))
}

# A model that does not fit what it is asked.
stop_model <- function(argument, ...) {
  stop_core(kind = "model", argument = argument, message = paste0(...))
}

# A file that is missing, truncated or foreign.
stop_file <- function(argument, ...) {
  stop_core(kind = "file", argument = argument, message = paste0(...))
}
