# Files that are damaged, read in this very session: what they are is an error, never its end.

read_any <- function(path) {
  read <- if (grepl("\\.loom$", path)) ReadLoom else ReadH5AD
  suppressMessages(read(path, verbose = FALSE))
}

# Addresses of all structures of this name.
addresses_of <- function(bytes, name) grepRaw(name, bytes, fixed = TRUE, all = TRUE)

changed_file <- function(path, at, values) {
  bytes <- readBin(path, "raw", file.size(path))
  bytes[at] <- as.raw(values)
  out <- tempfile(fileext = sub(".*(\\.[a-z0-9]+)$", "\\1", path))
  writeBin(bytes, out)
  out
}

test_that("files on which the HDF5 library crashes are errors that name file and place", {
  skip_without_hdf5()
  for (name in c("crash1101.loom", "crash20229.h5ad")) {
    path <- skip_without_shared("cases", "files", name)
    e <- expect_file_error(read_any(path), "damaged")
    expect_match(conditionMessage(e), name, fixed = TRUE)
  }
})

test_that("heaps of names whose size, free space or place cannot be are errors", {
  # Head of a local heap: its name, version, 3 bytes, then size, free space and place of 8 bytes each.
  fields <- list(size = 8:15, free = 16:23, place = 24:31)
  files <- list(h5ad_file(), loom_file())
  for (path in files) {
    heaps <- addresses_of(readBin(path, "raw", file.size(path)), "HEAP")
    expect_gt(length(heaps), 2L)
    for (field in fields) {
      for (last in c(127L, 255L)) {
        changed <- changed_file(path, heaps[[1L]] + field, c(rep(255L, 7L), last))
        expect_file_error(read_any(changed), "heap is not consistent")
      }
    }
    expect_file_error(read_any(changed_file(path, heaps[[1L]] + 0:3, rep(0L, 4L))), "heap is not consistent")
    expect_s4_class(read_any(path), "Seurat")
  }
})

test_that("every structure with bytes that cannot be gives an object or a classed error", {
  for (path in list(h5ad_file(), loom_file())) {
    bytes <- readBin(path, "raw", file.size(path))
    at <- unlist(lapply(c("TREE", "SNOD", "HEAP", "GCOL"), addresses_of, bytes = bytes))
    for (i in at[seq(1L, length(at), length.out = 8L)]) {
      result <- tryCatch(read_any(changed_file(path, i + 6:13, rep(c(255L, 1L), 4L))), error = identity)
      expect_true(inherits(result, c("Seurat", "fatefield_error_file")), info = class(result)[[1L]])
    }
  }
})

test_that("the look at a file leaves files that are open, and handlers of signals, as they are", {
  path <- h5ad_file()
  file <- hdf5r::H5File$new(path, "r")
  expect_s4_class(read_any(path), "Seurat")
  expect_true(file$exists("obs"))
  close_hdf5(file)
  written <- tempfile(fileext = ".h5")
  file <- hdf5r::H5File$new(written, "w")
  file[["x"]] <- 1:3
  expect_s4_class(read_any(path), "Seurat")
  file[["y"]] <- 4:6
  close_hdf5(file)
  file <- hdf5r::H5File$new(written, "r")
  expect_identical(file[["x"]][], 1:3)
  expect_identical(file[["y"]][], 4:6)
  close_hdf5(file)
})
