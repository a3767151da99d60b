# An option is one member of a struct with its comment; tools/options.R writes the rest. These tests read a package's
# source, and are skipped where there is none.

source_root <- test_path("..", "..")

options_tool <- function() {
  file <- file.path(source_root, "tools", "options.R")
  if (!file.exists(file)) skip("no source of the package here")
  tool <- new.env()
  sys.source(file, tool)
  tool
}

# A package that has nothing but the option structs, of which `change` makes other lines of one file.
copy_of_structs <- function(file = NULL, change = identity) {
  root <- tempfile("options")
  folder <- file.path(root, "src", "core", "base")
  dir.create(folder, recursive = TRUE)
  dir.create(file.path(root, "R"))
  file.copy(Sys.glob(file.path(source_root, "src", "core", "base", "*options.hpp")), folder)
  if (!is.null(file)) {
    path <- file.path(folder, file)
    writeLines(change(readLines(path)), path)
  }
  root
}

# Lines with `new` behind a member.
behind <- function(lines, member, new) append(lines, new, grep(paste0(" ", member, " = "), lines, fixed = TRUE)[[1L]])

test_that("what is written from the structs is up to date", {
  tool <- options_tool()
  root <- copy_of_structs()
  written <- tool$write_option_files(root)
  expect_identical(written, c("src/core/base/option_fields.hpp", "R/option-functions.R"))
  for (file in written) expect_identical(readLines(file.path(root, file)), readLines(file.path(source_root, file)))
  expect_identical(tool$write_option_files(root), character())
})

test_that("a member with its comment is an argument, a page's entry and a field", {
  tool <- options_tool()
  root <- copy_of_structs("sde_options.hpp", function(lines) {
    new <- c("  /// Weight of `clip`, in hours.", "  /// 0 leaves it out.", "  double clip_weight = 0.5;")
    behind(lines, "clip", new)
  })
  tool$write_option_files(root)
  fields <- readLines(file.path(root, "src/core/base/option_fields.hpp"))
  expect_true("  visit(\"clip.weight\", o.clip_weight);" %in% fields)
  made <- readLines(file.path(root, "R", "option-functions.R"))
  at <- match("#' @param clip.weight", made)
  expect_identical(made[at + 1:3], c(
    "#'   Weight of `clip`, in hours.", "#'   0 leaves it out.", "#'   `r doc_defaults(\"train\", \"clip.weight\")`"
  ))
  space <- new.env()
  sys.source(file.path(root, "R", "option-functions.R"), space)
  before <- names(formals(TrainOptions))
  expect_identical(names(formals(space$TrainOptions)), append(before, "clip.weight", match("clip", before)))
  expect_identical(formals(space$SDEOptions), formals(SDEOptions))
})

test_that("a comment can give a member another name in R", {
  tool <- options_tool()
  root <- copy_of_structs("sde_options.hpp", function(lines) {
    behind(lines, "clip", c("  /// (R: `clip.W`) Weight of `r doc_x()`.", "  double clip_weight = 0.5;"))
  })
  tool$write_option_files(root)
  expect_true("  visit(\"clip.W\", o.clip_weight);" %in% readLines(file.path(root, "src/core/base/option_fields.hpp")))
  made <- readLines(file.path(root, "R", "option-functions.R"))
  expect_identical(made[match("#' @param clip.W", made) + 1L], "#'   Weight of `r doc_x()`.")
})

test_that("what cannot be read stops with its place, and writes nothing", {
  tool <- options_tool()
  stops <- function(new, message, member = "clip") {
    root <- copy_of_structs("sde_options.hpp", function(lines) behind(lines, member, new))
    expect_error(tool$write_option_files(root), message)
    expect_identical(list.files(file.path(root, "R")), character())
  }
  line <- grep(" clip = ", readLines(file.path(source_root, "src/core/base/sde_options.hpp")), fixed = TRUE) + 1L
  stops("  double more = 1.0;", paste0("^sde_options[.]hpp:", line, ": `more` of TrainOptions has no comment"))
  stops(c("  /// One.", "  double more = 1.0, most = 2.0;  // both"), "neither a comment.*nor one member.*1.0, most")
  stops(c("  /// Two.", "  float more = 1.0;"), "neither a comment.*float more")
  stops(c("  /// No default.", "  double more;"), "neither a comment.*double more;")
  stops("", "neither a comment")
  stops(c("  /// Is `r x`.", "  double more = 1.0;"), "`more` has a character that help pages read otherwise")
  stops(c("  /// Mail a@b.", "  double more = 1.0;"), "`more` has a character that help pages read otherwise")
  stops("  /// Of nothing.", "a comment of TrainOptions without a member", member = "patience")
  stops(c("};", "struct MoreOptions {", "  /// x", "  double x = 1.0;"), "MoreOptions has no comment")
  stops(c("};", "/// x", "struct More {"), "only option structs stand here")
})

test_that("functions take what the engine has, in its order", {
  arguments <- function(f) setdiff(names(formals(f)), c("compat", "..."))
  expect_identical(arguments(SinkhornOptions), names(sinkhorn_defaults()))
  expect_identical(arguments(SDEOptions), setdiff(names(sde_defaults("none")), "compat"))
  expect_identical(arguments(TrainOptions), names(train_defaults("none")))
  expect_identical(setdiff(arguments(FieldOptions), "vfc"), setdiff(names(field_defaults("vae", "none")), "compat"))
})

test_that("pages say the default, and the published one where it differs", {
  expect_identical(doc_defaults("train", "blur"), "Default 0.1; 0.05 under `compat = \"scdiffeq\"`.")
  expect_identical(doc_defaults("train", "slices"), "Default 50.")
  expect_identical(doc_defaults("sde", "compat"), "Default `\"none\"`.")
  expect_identical(doc_defaults("sinkhorn", "precision"), "Default `\"float32\"`.")
})
