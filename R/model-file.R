# A model in one file: an archive of named arrays and texts with a checksum. Nothing in it is ever
# unserialized or evaluated, so that a file from anywhere is safe to load.
#
# A value is kept under its path as an array (logical, integer, double), as text (character, raw) or
# as the number of its children (list). The entry `path:type` holds its type and the names of its
# attributes, which are values too, under `path@name`. The children of a list are `path/name`, or
# `path/1`, `path/2`, ... where names cannot serve.

archive_kind <- "fatefield model"

# Classes that may come out of a file; all are plain data.
plain_classes <- c("factor", "ordered", "data.frame", "Date", "POSIXct", "POSIXt", "difftime")

#' Save a model to a file, and load it
#'
#' The file is one archive of named arrays and texts with a checksum at its end.
#' It does not depend on the versions of R and LibTorch, and loading it runs no code of the file,
#' unlike [readRDS()].
#' It is written beside its place and then moved there, so that an interrupted save leaves the old
#' file whole.
#' `saveRDS()` and `readRDS()` keep models too.
#'
#' @section Basic use:
#' ```r
#' SaveModel(GetModel(cells), "cells.fatefield")
#' cells <- SetModel(cells, LoadModel("cells.fatefield"))
#' ```
#' @param model a model, as [FitSDE()] or [GetModel()] gives.
#' @param file path of the file; the customary ending is `.fatefield`.
#' @param overwrite replace a file that is there already?
#'   `FALSE` by default, as a trained model may have taken hours.
#' @param ... Not used.
#' @return `SaveModel()`: the path, invisibly.
#'   `LoadModel()`: the model, identical to the one saved.
#' @section Errors:
#' `fatefield_error_file` with argument `file` where the file is missing, truncated, damaged,
#' foreign or of a newer format, or cannot be written.
#' `fatefield_error_input` where the file is there already and `overwrite` is `FALSE`.
#' `fatefield_error_model` where `model` is no model.
#' @seealso [GetModel()] for the model of an object.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' file <- tempfile(fileext = ".fatefield")
#' SaveModel(GetModel(cells), file)
#' identical(LoadModel(file), GetModel(cells))
#' @export
SaveModel <- function(model, file, overwrite = FALSE, ...) {
  check_no_dots(names(formals(SaveModel)), ...)
  check_model(model)
  check_string(file, "file")
  check_flag(overwrite, "overwrite")
  path <- path.expand(file)
  if (file.exists(path) && !overwrite) {
    stop_input(
      "file", "`file`: ", quoted(file), " is there already; use `overwrite = TRUE` to replace it."
    )
  }
  entries <- c(
    list(kind = charToRaw(archive_kind), format = model$format),
    flatten_value(unclass(model), "model")
  )
  write_whole(archive_pack(entries), path, file)
  invisible(file)
}

#' @rdname SaveModel
#' @export
LoadModel <- function(file, ...) {
  check_no_dots(names(formals(LoadModel)), ...)
  check_string(file, "file")
  bytes <- read_whole(file)
  entries <- tryCatch(
    archive_unpack(bytes, "file"),
    fatefield_error_file = function(e) {
      stop_file("file", conditionMessage(e), " The file is ", quoted(file), ".")
    }
  )
  if (!identical(entries[["kind"]], charToRaw(archive_kind))) {
    stop_file("file", "`file`: ", quoted(file), " is a fatefield archive, but holds no model.")
  }
  tryCatch(
    {
      check_format(entries[["format"]], "file")
      model <- unflatten_value(entries, "model")
      class(model) <- c(paste0("fatefield_", model$type), "fatefield_model")
      check_model(model, "file")
    },
    error = function(e) {
      stop_file(
        "file", "`file`: ", quoted(file), " holds no usable model. ", conditionMessage(e)
      )
    }
  )
}

# Bytes of a file, or a file error.
read_whole <- function(file) {
  path <- path.expand(file)
  if (!file.exists(path) || dir.exists(path)) {
    stop_file("file", "`file`: there is no file ", quoted(file), ".")
  }
  tryCatch(
    suppressWarnings(readBin(path, "raw", n = file.size(path))),
    error = function(e) {
      stop_file("file", "`file`: ", quoted(file), " cannot be read: ", conditionMessage(e))
    }
  )
}

# Writes beside the place, then moves there: the file is the old one or the new one, never half.
write_whole <- function(bytes, path, file) {
  beside <- tempfile(".fatefield-", tmpdir = dirname(path))
  on.exit(unlink(beside), add = TRUE)
  written <- tryCatch(
    suppressWarnings({
      writeBin(bytes, beside)
      file.size(beside) == length(bytes) && file.rename(beside, path)
    }),
    error = function(e) FALSE
  )
  if (!isTRUE(written)) {
    stop_file(
      "file", "`file`: ", quoted(file), " cannot be written; its folder must be there, writable ",
      "and have room for ", length(bytes), " bytes."
    )
  }
}

# A value as named archive entries, see the head of this file.
flatten_value <- function(x, path) {
  kept <- c("NULL", "logical", "integer", "double", "character", "raw", "list")
  if (!typeof(x) %in% kept || !all(oldClass(x) %in% plain_classes)) {
    what <- if (is.null(oldClass(x))) typeof(x) else class(x)[[1L]]
    stop_model("model", "`model` holds a ", what, " at ", path, ", which its file cannot keep.")
  }
  held <- attributes(x)
  x <- unclass(x)
  own <- switch(typeof(x),
    "NULL" = ,
    list = as.numeric(length(x)),
    raw = as.vector(x),
    character = strings_to_raw(as.vector(x)),
    as.numeric(x)
  )
  type <- strings_to_raw(c(typeof(x), names(held)))
  entries <- stats::setNames(list(own, type), paste0(path, c("", ":type")))
  paths <- paste0(path, "@", names(held))[seq_along(held)]
  values <- unname(held)
  if (is.list(x)) {
    paths <- c(paths, paste0(path, "/", child_keys(names(x), length(x)))[seq_along(x)])
    values <- c(values, unname(x))
  }
  c(entries, unlist(Map(flatten_value, values, paths, USE.NAMES = FALSE), recursive = FALSE))
}

unflatten_value <- function(entries, path, depth = 0L) {
  own <- entries[[path]]
  type <- raw_to_strings(entries[[paste0(path, ":type")]])
  if (is.null(own) || length(type) == 0L || depth > 32L) stop("Entry ", path, " is not readable.")
  value_at <- function(p) unflatten_value(entries, p, depth + 1L)
  held <- lapply(paste0(path, "@", type)[-1L], value_at)
  names(held) <- type[-1L]
  if (!all(held[["class"]] %in% plain_classes)) {
    stop("Entry ", path, " is of class ", quoted(held[["class"]]), ".")
  }
  x <- switch(type[[1L]],
    "NULL" = NULL,
    list = {
      if (own > length(entries)) stop("Entry ", path, " lacks children.")
      lapply(paste0(path, "/", child_keys(held[["names"]], own))[seq_len(own)], value_at)
    },
    raw = own,
    character = raw_to_strings(own),
    logical = as.logical(own),
    integer = as.integer(own),
    double = own,
    stop("Entry ", path, " is of type ", type[[1L]], ".")
  )
  # Not attributes<-, which would refuse dimnames that come before dim.
  for (name in names(held)) attr(x, name) <- held[[name]]
  x
}

# Names of a list's children in the archive.
child_keys <- function(names, n) {
  serve <- length(names) == n && !anyNA(names) && anyDuplicated(names) == 0L &&
    all(grepl("^[A-Za-z_.][A-Za-z0-9_.]*$", names))
  if (serve) names else seq_len(n)
}

# Strings one after the other, each with a mark ("=" a value, "!" NA) and a zero byte at its end.
strings_to_raw <- function(x) {
  marked <- ifelse(is.na(x), "!", paste0("=", enc2utf8(x)))
  writeBin(marked, raw(), useBytes = TRUE)
}

raw_to_strings <- function(bytes) {
  n <- sum(bytes == as.raw(0L))
  if (n == 0L) {
    return(character())
  }
  marked <- readBin(bytes, "character", n = n)
  Encoding(marked) <- "UTF-8"
  if (!all(validUTF8(marked))) stop("A text is not UTF-8.")
  x <- substring(marked, 2L)
  x[startsWith(marked, "!")] <- NA
  x
}
