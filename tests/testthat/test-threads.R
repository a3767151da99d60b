test_that("the number of threads is the user's, or the cores at hand", {
  rlang::local_options(fatefield.threads = NULL)
  expect_gte(thread_count(), 1L)
  rlang::local_options(fatefield.threads = 3)
  expect_identical(thread_count(), 3L)
  rlang::local_options(fatefield.threads = 0)
  expect_error(thread_count(), "fatefield.threads", class = "fatefield_error_input")
})

test_that("R CMD check is given two threads at most", {
  rlang::local_options(fatefield.threads = NULL)
  skip_if_not_installed("callr")
  count <- callr::r(
    function() asNamespace("fatefield")$thread_count(),
    env = c(callr::rcmd_safe_env(), `_R_CHECK_LIMIT_CORES_` = "TRUE")
  )
  expect_lte(count, 2L)
})
