# Options: defaults come from the core, names are checked in R, values in the core.

test_that("options left out keep the engine's defaults", {
  defaults <- sinkhorn_defaults()
  expect_identical(unclass(SinkhornOptions()), defaults)
  changed <- SinkhornOptions(blur = 0.2, p = 1L, debias = FALSE, precision = "float64")
  expect_identical(changed$blur, 0.2)
  expect_identical(changed$scaling, defaults$scaling)
  expect_identical(merge_options(defaults, NULL), defaults)
  expect_identical(merge_options(defaults, list(blur = NULL)), defaults)
  expect_output(print(changed), "precision +float64")
})

test_that("an unknown name is an error that says what is meant", {
  expect_input_error(SinkhornOptions(blurr = 1), "blurr", "Did you mean \"blur\"")
  expect_input_error(SinkhornOptions(zzz = 1), "zzz", "\"max.iterations\"")
  expect_input_error(merge_options(sinkhorn_defaults(), list(1)), "options", "name")
  expect_input_error(merge_options(sinkhorn_defaults(), 3), "options", "named list")
  twice <- list(blur = 1, blur = 2)
  expect_input_error(merge_options(sinkhorn_defaults(), twice), "blur", "twice")
})

test_that("values out of range are errors that name the option", {
  expect_input_error(SinkhornOptions(blur = 0), "blur", "above 0")
  expect_input_error(SinkhornOptions(blur = "a"), "blur", "one number")
  expect_input_error(SinkhornOptions(blur = NA_real_), "blur", "one number")
  expect_input_error(SinkhornOptions(scaling = 1), "scaling", "between 0 and 1")
  expect_input_error(SinkhornOptions(p = 3), "p", "1 or 2")
  expect_input_error(SinkhornOptions(p = 1.5), "p", "whole number")
  expect_input_error(SinkhornOptions(reach = -1), "reach", "at least 0")
  expect_input_error(SinkhornOptions(debias = NA), "debias", "TRUE or FALSE")
  expect_input_error(SinkhornOptions(debias = 1), "debias", "TRUE or FALSE")
  expect_input_error(SinkhornOptions(tolerance = Inf), "tolerance", "at least 0")
  expect_input_error(SinkhornOptions(max.iterations = 0), "max.iterations", "at least 1")
  expect_input_error(SinkhornOptions(precision = "half"), "precision", "float32")
})
