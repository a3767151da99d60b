# Times as people write them, and what each verb makes of them.

read_unit <- function(x) {
  time <- check_times(x, "time")
  list(time = as.vector(time), unit = attr(time, "unit"))
}

test_that("texts whose meaning is certain are times", {
  expect_identical(read_unit(c("D2", "Day 4", "day_6", "d8.5")), list(time = c(2, 4, 6, 8.5), unit = "day"))
  expect_identical(read_unit(c("24h", "48 hr", "-24h", "0")), list(time = c(24, 48, -24, 0), unit = "hour"))
  expect_identical(read_unit(c("2 weeks", "W3")), list(time = c(2, 3), unit = "week"))
  expect_identical(read_unit(c("E8.5", "E10")), list(time = c(8.5, 10), unit = "embryonic day"))
  expect_identical(read_unit(c("P1", "P21")), list(time = c(1, 21), unit = "postnatal day"))
  expect_identical(read_unit(c("2,5", "4,0", "1")), list(time = c(2.5, 4, 1), unit = NULL))
  expect_identical(read_unit(c("D-1", "D0", "Day 1")), list(time = c(-1, 0, 1), unit = "day"))
  expect_identical(read_unit(c("2", "1e1")), list(time = c(2, 10), unit = NULL))
  expect_identical(read_unit(factor(c("D10", "D2"), c("D2", "D10", "late"))), list(time = c(10, 2), unit = "day"))
  expect_identical(read_unit(factor(c("10", "2"), ordered = TRUE)), list(time = c(10, 2), unit = NULL))
})

test_that("texts that may mean several things are refused without code that would give wrong numbers", {
  doubtful <- list(
    c("D2_rep1", "D4_rep2"), c("24h", "3d"), c("E18.5", "P1"), c("3m", "6m"), c("1 month", "2 months"),
    c("1,000", "2,000"), c("2.5", "2,5"), c("D-1", "D-2"), c("E-8", "E9"), c("12", "24h"), c("0", "E8.5"),
    c("T0", "T1"), c("day.2", "day.3"), c("early", "late"), c("0x10", "2"), c("1.5.2", "2"), c("2-3d", "4d")
  )
  for (x in doubtful) {
    for (given in list(x, factor(x), factor(x, ordered = TRUE))) {
      e <- expect_input_error(check_times(given, "time"), "time", "must be numbers, but holds text")
      expect_no_match(conditionMessage(e), "as.numeric", fixed = TRUE)
    }
  }
  expect_input_error(check_times(c("24h", "3d"), "time"), "time", "mix the units hour and day")
  e <- expect_input_error(check_times(c("2023-01-05", "2023-01-07"), "time"), "time", "as.Date")
  expect_equal(as.vector(check_times(as.Date(c("2023-01-05", "2023-01-07")), "time")), c(0, 2))
})

test_that("dates, moments and spans are elapsed times with a unit", {
  expect_identical(read_unit(as.difftime(c(24, 48), units = "hours")), list(time = c(24, 48), unit = "hour"))
  expect_identical(read_unit(as.Date(c("2024-01-03", "2024-01-01"))), list(time = c(2, 0), unit = "day"))
  moments <- as.POSIXct(c("2024-01-01 00:00", "2024-01-01 06:00"), tz = "UTC")
  expect_identical(read_unit(moments), list(time = c(0, 6), unit = "hour"))
  expect_identical(read_unit(moments + c(0, 86400 * 9)), list(time = c(0, 9.25), unit = "day"))
  # Cells asked about later count from the same moment and in the same unit.
  first <- check_times(moments + c(0, 86400 * 9), "time")
  later <- check_times(moments + 86400, "time", like = first)
  expect_equal(as.vector(later), c(1, 1.25))
  expect_equal(as.vector(check_times(c("24h", "36h"), "time", like = first)), c(1, 1.5))
  expect_input_error(check_times(c("E8", "E9"), "time", like = first), "time", "but day is needed")
})

test_that("64 bit integers are read by their values, or named where their class is lost", {
  bits <- function(x) {
    low <- ifelse(x < 0, x + 2^32, x)
    low <- ifelse(low >= 2^31, low - 2^32, low)
    readBin(writeBin(as.vector(rbind(as.integer(low), as.integer(ifelse(x < 0, -1, 0)))), raw(), endian = "little"),
      "double", length(x), endian = "little")
  }
  x <- c(2, -4, 700)
  expect_identical(integer64_values(bits(x)), x)
  expect_identical(as.vector(check_times(structure(bits(x), class = "integer64"), "time")), x)
  expect_input_error(check_times(bits(c(0, 2, 4)), "time"), "time", "integer64")
  object <- tiny_seurat()
  object@meta.data$lost <- bits(tiny_cells()$time)
  object@meta.data$kept <- structure(bits(tiny_cells()$time), class = "integer64")
  expect_input_error(FitSDE(object, time = "lost", updates = 2, verbose = FALSE), "time", "integer64")
  expect_identical(cell_column(object, "kept", "time"), tiny_cells()$time)
})

test_that("times that are equal but for rounding are one, the most common", {
  t <- rep(c(0.1, 0.2, 0.3), each = 5)
  t[11:12] <- 0.1 + 0.2
  expect_identical(unique(check_times(t, "time")), c(0.1, 0.2, 0.3))
  t[11:14] <- 0.1 + 0.2
  expect_identical(unique(check_times(t, "time")), c(0.1, 0.2, 0.1 + 0.2))
  expect_identical(nearest_known(t, c(0.1, 0.3)), rep(c(0.1, 0.2, 0.3), each = 5))
  close <- c(0, 1e-6, 1)
  expect_identical(check_times(close, "time"), close)
})

test_that("every verb that takes times reads them alike", {
  cells <- tiny_cells()
  text <- paste0("D", cells$time)
  fit <- function(time) {
    FitSDE(cells$x, time = time, drift.hidden = 4, diffusion.hidden = 4, updates = 2, batch.size = 8, verbose = FALSE)
  }
  model <- fit(cells$time)
  expect_identical(fit(text)$states, model$states)
  expect_identical(fit(factor(text))$states, model$states)
  expect_identical(fit(as.Date("2024-01-01") + cells$time)$states, model$states)
  doors <- list(
    drift = function(time) DriftDiffusion(cells$x, model, time = time)$drift,
    interpolate = function(time) InterpolateTime(cells$x, 1, model, time = time, n.sim = 2, verbose = FALSE)$states,
    score = function(time) {
      ScoreInterpolation(cells$x, 1, list(mean = cells$x[1:9, ]), time = time, n.repeats = 2, verbose = FALSE)
    },
    fate = function(time) {
      PredictFate(cells$x, model, labels = cells$label, time = time, n.sim = 2, verbose = FALSE)$probability
    },
    bins = function(time) BinTime(time, n.bins = 3, min.size = 1)$time,
    compare = function(time) {
      set <- data.frame(drift = seq_along(cells$time))
      CompareDynamics(set, group.by = rep(c("a", "b"), 30), time = time, n.boot = 20)
    }
  )
  for (name in names(doors)) {
    plain <- doors[[name]](cells$time)
    expect_equal(doors[[name]](text), plain, info = name)
    expect_input_error(doors[[name]](paste0("D", cells$time, "_rep1")), if (name == "bins") "object" else
      if (name == "fate") "time" else "time", "not certainly")
  }
})

test_that("a time with one cell is told, and no more than one cell at each is an error", {
  cells <- tiny_cells()
  fit <- function(x, time) FitSDE(x, time = time, drift.hidden = 4, updates = 2, verbose = FALSE)
  time <- replace(cells$time, 60, 9)
  w <- expect_warning(fit(cells$x, time), "`time`.*time 9", class = "fatefield_warning_times")
  expect_input_error(fit(cells$x[1:3, ], cells$time[1:3]), "time", "only one cell")
})
