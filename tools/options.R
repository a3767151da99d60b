# What the option structs of the core, src/core/base/*options.hpp, say once is written where else it is needed:
#   src/core/base/option_fields.hpp   each member with its name in R, for R lists and model files
#   R/option-functions.R              SinkhornOptions(), SDEOptions(), TrainOptions(), FieldOptions()
# A struct is read line by line, and a line that is none of these stops with its place:
#   /// of a struct or a member   Markdown for readers of both languages: R names in backquotes, units, what values do
#   type name = default;          one member; in R its name has dots for underscores
# A comment that begins with (R: `name`) gives a member another name in R. A call of R/doc-defaults.R, `r doc_x()`, says
# in the help what a table of the core knows.
#
#   Rscript tools/options.R [PACKAGE]      prints the files that changed

member_types <- c("std::int64_t", "double", "bool", "std::string", "std::vector<std::int64_t>", "std::vector<double>")

# The functions: their struct, the group of doc_default(), and the function of R/options.R that makes the list.
# `published`: whether published settings can be asked for. `nested`: an argument that is a list of another group.
option_functions <- list(
  SinkhornOptions = list(struct = "SinkhornOptions", group = "sinkhorn", page = "SinkhornOptions", published = FALSE),
  SDEOptions = list(struct = "SdeOptions", group = "sde", page = "SDEOptions", published = TRUE),
  TrainOptions = list(struct = "TrainOptions", group = "train", page = "SDEOptions", published = TRUE),
  FieldOptions = list(
    struct = "FieldOptions", group = "field", page = "FieldOptions", published = TRUE,
    nested = list(
      name = "vfc", of = "`\"sparsevfc\"`", after = "vfc.space", struct = "SparseVfcOptions", group = "vfc"
    )
  )
)

stop_at <- function(file, line, ...) stop(basename(file), ":", line, ": ", ..., call. = FALSE)

# One struct from its lines: list(name, members), each of these list(name, r, comment).
read_struct <- function(name, lines, file, first) {
  type <- paste(gsub("([<>:])", "[\\1]", member_types), collapse = "|")
  member <- paste0("^  (", type, ") ([a-z][a-z0-9_]*) = (.+);$")
  members <- list()
  comment <- character()
  for (i in seq_along(lines)) {
    at <- first + i - 1L
    if (grepl("^  /// .", lines[[i]])) {
      comment <- c(comment, sub("^  /// ", "", lines[[i]]))
    } else if (grepl(member, lines[[i]])) {
      found <- sub(member, "\\2", lines[[i]])
      if (length(comment) == 0L) stop_at(file, at, "`", found, "` of ", name, " has no comment (/// above it).")
      members <- c(members, list(c(list(name = found), r_name(found, comment, file, at))))
      comment <- character()
    } else {
      stop_at(
        file, at, "a line of ", name, " that is neither a comment (///) nor one member with its default: ",
        trimws(lines[[i]])
      )
    }
  }
  if (length(comment) > 0L) stop_at(file, first + length(lines), "a comment of ", name, " without a member.")
  if (length(members) == 0L) stop_at(file, first, name, " has no members.")
  list(name = name, members = members)
}

# list(r, comment): the name in R, and the comment without the mark that gives it.
r_name <- function(name, comment, file, at) {
  mark <- "^\\(R: `([A-Za-z][A-Za-z0-9.]*)`\\) "
  if (grepl("[@\\{}]|`r (?!doc_)", paste(comment, collapse = " "), perl = TRUE)) {
    stop_at(file, at, "the comment of `", name, "` has a character that help pages read otherwise: @ \\ { } or `r.")
  }
  if (!grepl(mark, comment[[1L]])) {
    return(list(r = gsub("_", ".", name, fixed = TRUE), comment = comment))
  }
  r <- sub(paste0(mark, ".*"), "\\1", comment[[1L]])
  comment[[1L]] <- sub(mark, "", comment[[1L]])
  list(r = r, comment = comment)
}

# All structs of a header.
read_header <- function(file) {
  lines <- readLines(file)
  starts <- grep("^(struct|class)\\b", lines)
  lapply(starts, function(i) {
    if (!grepl("^struct [A-Za-z]+Options \\{$", lines[[i]])) {
      stop_at(file, i, "only option structs stand here, struct ...Options {, not: ", lines[[i]])
    }
    name <- sub("^struct ([A-Za-z]+) .*", "\\1", lines[[i]])
    if (i == 1L || !grepl("^/// .", lines[[i - 1L]])) stop_at(file, i, name, " has no comment (/// above it).")
    end <- which(lines == "};")
    end <- end[end > i]
    if (length(end) == 0L) stop_at(file, i, name, " has no end.")
    read_struct(name, lines[seq_len(end[[1L]] - i - 1L) + i], file, i + 1L)
  })
}

# list(Name = struct) of all headers, in the order of their names.
read_structs <- function(folder) {
  files <- sort(Sys.glob(file.path(folder, "*options.hpp")), method = "radix")
  if (length(files) == 0L) stop("There are no *options.hpp in ", folder, ".", call. = FALSE)
  structs <- unlist(lapply(files, read_header), recursive = FALSE)
  names(structs) <- vapply(structs, `[[`, "", "name")
  structs
}

made <- "Made by tools/options.R from src/core/base/*options.hpp: change it there."

fields_header <- function(structs) {
  lists <- lapply(structs, function(s) {
    c(
      "", paste0("struct ", s$name, ";"), "template <typename O, typename V>",
      paste0("void fields(", s$name, "*, O& o, V&& visit) {"),
      vapply(s$members, function(m) paste0("  visit(\"", m$r, "\", o.", m$name, ");"), ""), "}"
    )
  })
  c(
    paste("//", made), "// Each member of each option struct with its name in R.", "#pragma once", "",
    "namespace fatefield {", unlist(lists, use.names = FALSE), "", "}  // namespace fatefield"
  )
}

# A call in a roxygen comment.
inline <- function(f, group, name) paste0("`r ", f, "(\"", group, "\", \"", name, "\")`")

# One @param: the comment, then the default, which the engine knows.
param_lines <- function(m, group) {
  c(paste("#' @param", m$r), paste0("#'   ", m$comment), paste0("#'   ", inline("doc_defaults", group, m$r)))
}

# A @param that is a list of options, one in each line.
nested_lines <- function(nested, structs) {
  items <- lapply(structs[[nested$struct]]$members, function(m) {
    c(paste0("#'   * ", inline("doc_option", nested$group, m$r), ":"), paste0("#'     ", m$comment))
  })
  intro <- paste0("#'   Named list of options of ", nested$of, ", here with their defaults:")
  c(paste("#' @param", nested$name), intro, "#'", unlist(items))
}

# Words that follow one another in lines of at most `width`, all but the first after `indent`.
fill <- function(words, start, width = 110L) {
  indent <- strrep(" ", nchar(start))
  lines <- start
  for (word in words) {
    last <- lines[[length(lines)]]
    joined <- if (last %in% c(start, indent)) paste0(last, word) else paste(last, word)
    if (nchar(joined) <= width) lines[[length(lines)]] <- joined else lines <- c(lines, paste0(indent, word))
  }
  lines
}

option_function <- function(name, f, structs) {
  members <- structs[[f$struct]]$members
  names <- vapply(members, `[[`, "", "r")
  params <- lapply(members, param_lines, group = f$group)
  if (!is.null(f$nested)) {
    after <- match(f$nested$after, names)
    names <- append(names, f$nested$name, after)
    params <- append(params, list(nested_lines(f$nested, structs)), after)
  }
  arguments <- paste0(setdiff(names, "compat"), " = NULL,")
  if (f$published) arguments <- c(arguments, "compat = \"none\",")
  c(
    paste("#' @rdname", f$page), unlist(params), "#' @export",
    fill(c(arguments, "...) {"), paste0(name, " <- function(")),
    paste0("  make_", f$group, "_options(c(as.list(environment()), list(...)))"), "}"
  )
}

functions_file <- function(structs) {
  parts <- Map(option_function, names(option_functions), option_functions, list(structs))
  c(
    paste("#", made), "# Titles, examples and what makes the lists stand in R/options.R and R/field-options.R.",
    unlist(lapply(parts, function(lines) c("", lines)), use.names = FALSE)
  )
}

# Writes what differs below the package's root; gives the names of these files.
write_option_files <- function(package = ".") {
  structs <- read_structs(file.path(package, "src", "core", "base"))
  texts <- list(
    "src/core/base/option_fields.hpp" = fields_header(structs), "R/option-functions.R" = functions_file(structs)
  )
  changed <- Filter(function(file) {
    path <- file.path(package, file)
    !file.exists(path) || !identical(readLines(path), texts[[file]])
  }, names(texts))
  for (file in changed) writeLines(texts[[file]], file.path(package, file))
  changed
}

if (sys.nframe() == 0L) {
  writeLines(write_option_files(c(commandArgs(TRUE), ".")[[1L]]))
}
