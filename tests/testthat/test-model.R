# A model without an engine: its states are archives of a few numbers.
fake_model <- function(members = 2L, type = "sde", ...) {
  states <- lapply(seq_len(members), function(i) {
    archive_pack(list(weights = c(i, 0.5, -1), note = charToRaw("state")))
  })
  new_model(
    type,
    config = list(
      drift = "potential", hidden = c(16L, 16L), dt = 0.05, growth = FALSE, precision = NA,
      nested = list(1, list(NULL, "a b")), empty = list(), names = c(a = 1, b = 2)
    ),
    states = states, dims = paste0("PC_", 1:3), reduction = "pca", assay = "RNA",
    times = c(0, 1, 2), time.name = "day", cells = c("cell1", "c\u00e9ll 2", NA),
    history = data.frame(
      step = 1:2, loss = c(NaN, 1 / 3), kind = factor(c("b", "a"), levels = c("b", "a"))
    ),
    libtorch = "1.13.1", ...
  )
}

# A path in an empty folder of its own.
model_file <- function() {
  folder <- tempfile("models")
  dir.create(folder)
  file.path(folder, "m.fatefield")
}

expect_kind_error <- function(expr, kind, argument, regexp = NULL) {
  e <- expect_error(expr, regexp, class = paste0("fatefield_error_", kind))
  if (!is.null(e)) expect_identical(e$argument, argument)
}

test_that("a model names its kind, format and versions", {
  model <- fake_model()
  expect_s3_class(model, c("fatefield_sde", "fatefield_model"), exact = TRUE)
  expect_identical(model$format, 1L)
  expect_named(model$versions, c("fatefield", "R", "libtorch"))
  expect_identical(fake_model(extra = 3)$extra, 3)
  expect_identical(check_model(model, type = "sde"), model)
})

test_that("what is no model, or a damaged one, is refused by name", {
  expect_kind_error(check_model(list(1)), "model", "model", "object of class list")
  expect_kind_error(check_model(NULL, "fit"), "model", "fit", "NULL")
  expect_kind_error(check_model(fake_model(), type = "vae"), "model", "model", "\"vae\".*\"sde\"")
  change <- function(...) utils::modifyList(fake_model(), list(...), keep.null = TRUE)
  expect_kind_error(check_model(change(format = 2L)), "model", "model", "update the package")
  expect_kind_error(check_model(change(format = "x")), "model", "model", "damaged")
  expect_kind_error(check_model(change(type = "vae")), "model", "model", "class")
  expect_kind_error(check_model(change(dims = 1:3)), "model", "model", "must be names")
  lacking <- fake_model()
  lacking$history <- NULL
  expect_kind_error(check_model(lacking), "model", "model", "lacks \"history\"")
  for (states in list(list(), NULL, list("a"), as.raw(1:3))) {
    broken <- fake_model()
    broken["states"] <- list(states)
    expect_kind_error(check_model(broken), "model", "model", "list of raw vectors")
  }
  broken <- fake_model()
  broken$states[[2L]][[30L]] <- xor(broken$states[[2L]][[30L]], as.raw(1L))
  expect_kind_error(check_model(broken), "model", "model", "member 2.*checksum")
  broken$states[[2L]] <- as.raw(1:50)
  expect_kind_error(check_model(broken), "model", "model", "foreign")
})

test_that("a model meets only the dimensions it was fitted on", {
  model <- fake_model()
  x <- tiny_cells()$x
  expect_silent(check_model_dims(model, x))
  expect_silent(check_model_dims(model, unname(x)))
  expect_kind_error(check_model_dims(model, x[, 1:2]), "model", "model", "3 dim.*PC_1.*here are 2")
  expect_kind_error(
    check_model_dims(model, x[, 3:1]), "model", "model", "another order.*PC_1.*PC_3"
  )
  genes <- x
  colnames(genes)[[2L]] <- "Gata1"
  expect_kind_error(check_model_dims(model, genes), "model", "model", "number 2.*PC_2.*Gata1")
  colnames(x) <- paste0("dim_", 1:3)
  expect_silent(check_model_dims(model, x))
})

test_that("print and summary say what the model is", {
  model <- fake_model()
  expect_output(print(model), "Neural SDE of 3 cells in 3 dimensions of \"pca\".*members  : 2")
  expect_lte(length(capture.output(print(model))), 5L)
  expect_lte(length(capture.output(print(summary(model)))), 12L)
  expect_output(print(summary(model, options = TRUE)), "hidden = 16, 16")
  expect_invisible(expect_output(print(model)))
})

test_that("a model goes into an object and comes out of it", {
  model <- fake_model()
  for (object in tiny_objects()) {
    expect_kind_error(GetModel(object), "model", "name", "holds no model")
    object <- SetModel(object, model)
    object <- SetModel(object, fake_model(1L), "other")
    expect_identical(GetModel(object, "sde"), model)
    expect_length(GetModel(object)$states, 1L)
    expect_identical(GetModel(object[, 1:5], "sde"), model)
    expect_kind_error(GetModel(object, "none"), "model", "name", "\"sde\", \"other\"")
    expect_kind_error(SetModel(object, list(1)), "model", "model")
  }
  expect_identical(GetModel(model), model)
  expect_kind_error(GetModel(tiny_cells()$x), "input", "object")
  expect_kind_error(SetModel(tiny_cells()$x, model), "input", "object", "Seurat")
})

test_that("a model comes out of its file as it went in", {
  file <- model_file()
  model <- fake_model(extra = list(when = as.Date("2024-01-02"), m = matrix(1:4, 2,
    dimnames = list(NULL, c("a", "b")))))
  expect_identical(SaveModel(model, file), file)
  expect_identical(LoadModel(file), model)
  expect_identical(list.files(dirname(file), all.files = TRUE, no.. = TRUE), basename(file))
  rds <- tempfile(fileext = ".rds")
  saveRDS(model, rds)
  expect_identical(check_model(readRDS(rds)), model)
})

test_that("a file is not replaced unless asked, and a failed save leaves it whole", {
  file <- model_file()
  SaveModel(fake_model(1L), file)
  expect_kind_error(SaveModel(fake_model(), file), "input", "file", "overwrite")
  expect_length(LoadModel(file)$states, 1L)
  SaveModel(fake_model(), file, overwrite = TRUE)
  expect_length(LoadModel(file)$states, 2L)
  absent <- file.path(tempdir(), "no", "such", "folder", "m.fatefield")
  expect_kind_error(SaveModel(fake_model(), absent), "file", "file", "cannot be written")
  odd <- fake_model(extra = mean)
  expect_kind_error(
    SaveModel(odd, file, overwrite = TRUE), "model", "model", "closure at model/extra"
  )
  odd <- fake_model(extra = getRversion())
  expect_kind_error(SaveModel(odd, file, overwrite = TRUE), "model", "model", "R_system_version")
  expect_length(LoadModel(file)$states, 2L)
})

test_that("a file that is missing, cut, damaged, foreign or newer is a file error", {
  file <- model_file()
  expect_kind_error(LoadModel(file), "file", "file", "no file")
  expect_kind_error(LoadModel(dirname(file)), "file", "file", "no file")
  expect_kind_error(LoadModel(1), "input", "file")
  SaveModel(fake_model(), file)
  bytes <- readBin(file, "raw", file.size(file))
  with_bytes <- function(b) {
    writeBin(b, file)
    LoadModel(file)
  }
  for (n in c(0L, 3L, 8L, 20L, length(bytes) %/% 2L, length(bytes) - 1L)) {
    expect_kind_error(with_bytes(utils::head(bytes, n)), "file", "file")
  }
  for (at in seq(1L, length(bytes), by = 97L)) {
    flipped <- bytes
    flipped[[at]] <- xor(flipped[[at]], as.raw(16L))
    expect_kind_error(with_bytes(flipped), "file", "file")
  }
  expect_kind_error(with_bytes(charToRaw("PK\003\004 a zip")), "file", "file", "foreign")
  expect_kind_error(with_bytes(c(charToRaw("FATEFLD2"), bytes[-(1:8)])), "file", "file", "newer")
  expect_kind_error(with_bytes(fake_model()$states[[1L]]), "file", "file", "no model")
})

test_that("a whole archive that was made up is answered with a file error and runs nothing", {
  file <- model_file()
  entries <- c(
    list(kind = charToRaw(archive_kind), format = 1),
    flatten_value(unclass(fake_model()), "model")
  )
  load_with <- function(change) {
    writeBin(archive_pack(utils::modifyList(entries, change)), file)
    LoadModel(file)
  }
  expect_s3_class(load_with(list()), "fatefield_model")
  expect_kind_error(load_with(list(format = 2)), "file", "file", "update the package")
  expect_kind_error(load_with(list(model = 1e15)), "file", "file", "lacks children")
  expect_kind_error(load_with(list("model:type" = strings_to_raw("closure"))), "file", "file")
  expect_kind_error(load_with(list("model:type" = NULL)), "file", "file")
  expect_kind_error(
    load_with(list(
      "model/dims:type" = strings_to_raw(c("character", "class")),
      "model/dims@class" = strings_to_raw("formula"),
      "model/dims@class:type" = strings_to_raw("character")
    )), "file", "file", "formula"
  )
  expect_kind_error(load_with(list("model/dims" = as.raw(c(255L, 254L, 0L)))), "file", "file")
  expect_kind_error(load_with(list("model/states" = 0)), "file", "file")
  expect_kind_error(load_with(list("model/dims" = c(1, 2))), "file", "file")
})
