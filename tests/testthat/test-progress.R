seconds <- function(...) {
  times <- c(...)
  function() {
    now <- times[[1L]]
    times <<- times[-1L]
    now
  }
}

test_that("quiet work says nothing", {
  tick <- progress_bar(3, "Fitting", verbose = FALSE)
  expect_silent(for (i in 1:3) tick(i))
  expect_silent(progress_bar(0, "Fitting")(0))
})

test_that("in a log, a line comes every ten seconds with the time left, and one at the end", {
  tick <- line_bar(100, "Fitting", clock = seconds(0, 5, 20, 25, 80, 130))
  expect_silent(tick(5))
  expect_message(tick(20, "loss 0.5"), "Fitting: 20 %, 1 min 20 s left, loss 0.5", fixed = TRUE)
  expect_silent(tick(30))
  expect_message(tick(80), "80 %, 20 s left", fixed = TRUE)
  expect_message(tick(100, "loss 0.1"), "Fitting: done in 2 min 10 s, loss 0.1", fixed = TRUE)
})

test_that("work of a second leaves no line", {
  tick <- line_bar(2, "Fitting", clock = seconds(0, 0.5, 1))
  expect_silent(for (i in 1:2) tick(i))
})

test_that("on a terminal, the bar can be ticked and ends with its frame", {
  work <- function() {
    tick <- terminal_bar(10, "Fitting", environment())
    for (i in c(1, 5, 10)) tick(i, "loss 0.5")
    "finished"
  }
  expect_identical(suppressMessages(work()), "finished")
})

test_that("progressr shows the ticks where it listens, even to quiet work", {
  skip_if_not_installed("progressr")
  requireNamespace("progressr", quietly = TRUE)
  expect_false(progressr_listens())
  seen <- numeric()
  handler <- function(...) {
    progressr::make_progression_handler("test", reporter = list(
      update = function(config, state, progression, ...) seen <<- c(seen, state$step)
    ), target = "null", interval = 0, enable = TRUE)
  }
  progressr::with_progress(
    {
      tick <- progress_bar(10, "Fitting", verbose = FALSE)
      for (i in c(4, 4, 10)) tick(i)
    },
    handlers = handler(), enable = TRUE
  )
  expect_true(4 %in% seen)
})

test_that("durations are put in words", {
  expect_identical(in_words(8.2), "8 s")
  expect_identical(in_words(125), "2 min 5 s")
  expect_identical(in_words(3780), "1 h 3 min")
})
