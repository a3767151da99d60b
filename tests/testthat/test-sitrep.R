made_up <- function(kind = "OpenBLAS", threading = "openmp", threads = 2L, one = 60, all = 115,
                    other = character(), hdf5 = "1.10.8") {
  list(
    libraries = data.frame(library = c("LibTorch", "HDF5", "BLAS"), version = c("2.6.0", hdf5, "")),
    blas = c(kind = kind, threading = threading), threads = threads,
    gflops = c(one = one, all = all), other_torch = other
  )
}

test_that("the report names what is in use and can be printed", {
  report <- fatefield_sitrep()
  expect_s3_class(report, "fatefield_sitrep")
  expect_match(report$libraries$version[[1L]], "^[0-9]+\\.[0-9]+")
  expect_true(file.exists(report$libraries$path[[1L]]))
  expect_true(all(report$gflops > 0))
  expect_identical(report$packages$version[[1L]], format(getRversion()))
  expect_output(print(report), "LibTorch.*SeuratObject.*GFLOP/s")
})

test_that("speed is measured only when asked for", {
  report <- fatefield_sitrep(measure = FALSE)
  expect_true(all(is.na(report$gflops)))
  expect_output(print(report), "not measured")
  expect_error(fatefield_sitrep(measure = 1), class = "fatefield_error_input")
})

test_that("a sound machine gets no advice", {
  expect_length(sitrep_advice(made_up()), 0L)
  expect_length(sitrep_advice(made_up(one = NA, all = NA)), 0L)
})

test_that("each trouble is told with its remedy", {
  expect_match(sitrep_advice(made_up(kind = "reference", threading = "")), "libopenblas0-openmp")
  expect_match(sitrep_advice(made_up(kind = "unknown", one = 2, all = 4)), "2 GFLOP/s")
  expect_match(sitrep_advice(made_up(threading = "pthreads")), "OpenMP build")
  expect_match(sitrep_advice(made_up(one = 60, all = 40)), "fatefield.threads = 1")
  expect_match(sitrep_advice(made_up(other = "/opt/libtorch_cpu.so")), "/opt/libtorch_cpu.so")
  expect_match(sitrep_advice(made_up(hdf5 = "")), "libhdf5-dev")
})

test_that("the BLAS is told from its file", {
  expect_identical(blas_kind("/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3"), "OpenBLAS")
  expect_identical(blas_kind("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0"), "reference")
  expect_identical(blas_kind("/opt/R/lib/libRblas.so"), "reference")
  expect_identical(blas_kind("/opt/libtorch/lib/libtorch_cpu.so"), "MKL")
  expect_identical(blas_kind(""), "unknown")
})

test_that("copies of LibTorch are found among the mapped files", {
  maps <- tempfile()
  writeLines(c(
    "7f00-7f01 r--p 00000000 fe:00 12  /opt/one/libtorch_cpu.so",
    "7f01-7f02 r-xp 00000000 fe:00 12  /opt/one/libtorch_cpu.so",
    "7f03-7f04 r-xp 00000000 fe:00 13  /opt/two/libtorch_cpu.so.2.6",
    "7f05-7f06 r-xp 00000000 fe:00 14  /opt/libtorch_python.so"
  ), maps)
  expect_identical(mapped_torch(maps), c("/opt/one/libtorch_cpu.so", "/opt/two/libtorch_cpu.so.2.6"))
  expect_identical(mapped_torch(tempfile()), character())
})

test_that("the device is chosen by argument and option, and one that is not there is refused", {
  state <- cuda_state()
  expect_identical(fatefield_sitrep(measure = FALSE)$cuda, state)
  expect_identical(gpu_words(list(built = FALSE, devices = 0L)), "none: LibTorch was built without CUDA")
  expect_match(gpu_words(list(built = TRUE, devices = 0L)), "none is seen")
  expect_match(gpu_words(list(built = TRUE, devices = 2L)), "2, take")
  expect_identical(device_name(), "cpu")
  expect_input_error(device_name("gpu"), "device")
  cells <- tiny_cells()
  expect_identical(tiny_model(device = "cpu")$states, tiny_model()$states)
  if (state$devices > 0L) skip("there is a GPU")
  old <- options(fatefield.device = "cuda")
  on.exit(options(old))
  expect_input_error(device_name(), "device")
  expect_input_error(tiny_model(), "device")
  model <- tiny_model(device = "cpu")
  simulate <- function(...) {
    SimulateCells(cells$x, model = model, cells = 1L, n.sim = 1L, verbose = FALSE, ...)
  }
  expect_input_error(simulate(), "device", "CUDA|GPU")
  expect_s3_class(simulate(device = "cpu"), "fatefield_trajectories")
})
