# The library to install into: the first that can be written, else the user's own, made if need be.
lib <- .libPaths()
writable <- lib[file.access(lib, 2L) == 0L]
if (length(writable) == 0L) {
  writable <- path.expand(strsplit(Sys.getenv("R_LIBS_USER"), .Platform$path.sep)[[1L]][[1L]])
  dir.create(writable, recursive = TRUE, showWarnings = FALSE)
}
cat(writable[[1L]])
