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

test_that("`threads` holds for one call and is restored, also after an error", {
  rlang::local_options(fatefield.threads = 2)
  f <- function(threads) {
    local_threads(threads)
    thread_count()
  }
  expect_identical(f(3), 3L)
  expect_identical(f(NULL), 2L)
  expect_error(f(0), "threads", class = "fatefield_error_input")
  expect_identical(getOption("fatefield.threads"), 2)
})

test_that("small trainings take one thread where the user has not said", {
  f <- function(parameters, batch) {
    local_fit_threads(parameters, batch, rep(0:1, each = 500))
    thread_count()
  }
  rlang::local_options(fatefield.threads = NULL)
  expect_identical(f(1000, 0), 1L)
  expect_identical(f(300000, 0), thread_count())
  expect_identical(f(3000, 100), 1L)
  rlang::local_options(fatefield.threads = 2)
  expect_identical(f(1000, 0), 2L)
})

test_that("results are the same bytes for any `threads`", {
  wave <- function(n, step) sin(step * seq_len(n))
  x <- cbind(wave(600, 12.9), wave(600, 78.2), wave(600, 37.7))
  time <- rep(0:1, each = 300)
  x[time == 1, 1L] <- x[time == 1, 1L] + 2
  for (method in c("bridge", "sinkhorn")) {
    fit <- function(threads) {
      FitSDE(x, time = time, method = method, updates = 3, drift.hidden = 16, threads = threads, verbose = FALSE)
    }
    one <- fit(1)
    two <- fit(2)
    expect_identical(one$states, two$states)
    expect_identical(fit(NULL)$states, one$states)
  }
  simulated <- lapply(1:2, function(n) {
    SimulateCells(x, one, n.sim = 2, t.out = 0:1, threads = n, verbose = FALSE)$states
  })
  expect_identical(simulated[[1L]], simulated[[2L]])
  fates <- lapply(1:2, function(n) {
    PredictFate(x, one, labels = ifelse(x[, 2L] > 0, "up", "down"), n.sim = 3, threads = n, verbose = FALSE)
  })
  expect_identical(fates[[1L]], fates[[2L]])
  distance <- lapply(1:2, function(n) OTDistance(x[time == 0, ], x[time == 1, ], gradient = TRUE, threads = n))
  expect_identical(distance[[1L]], distance[[2L]])
  plans <- lapply(1:2, function(n) OTPlan(x[1:50, ], x[301:360, ], threads = n))
  expect_identical(plans[[1L]], plans[[2L]])
  expect_null(getOption("fatefield.threads"))
})
