# Work on the workers of a future::plan(): the same bytes, and a worker that dies costs its piece alone.

plan_answers <- function(object = perturb_object()) {
  ask <- list(object, labels = "state", n.sim = 2, k = 10, cutoff = 0, verbose = FALSE)
  few <- which(object$day == 0)[1:12]
  x <- tiny_cells()$x
  list(
    fit = tiny_fit(x, tiny_cells()$time, n.models = 3L)[c("states", "history", "check")],
    field = FitVelocityField(x, x^2, field = "linear", n.models = 2L, verbose = FALSE)[c("states", "error")],
    fate = do.call(PredictFate, c(ask[-1L], list(SeuratObject::Embeddings(object, "pca"), model = GetModel(object)))
      |> utils::modifyList(list(labels = object$state)))$probability,
    dose = suppressWarnings(do.call(DoseResponse, c(ask, list("fateA-2", doses = c(-1, 0, 1)))))$perturbed,
    change = suppressWarnings(do.call(PerturbCells, c(ask, list("fateA-2"))))$perturbed,
    lyapunov = GetResult(LyapunovExponents(object, cells = few, verbose = FALSE), "lyapunov")$exponents,
    criticality = GetResult(CellCriticality(object, cells = few, measure = "path", n.sim = 3, n.steps = 4,
      verbose = FALSE), "criticality")$increments
  )
}

local_plan <- function(name, frame = parent.frame()) {
  former <- future::plan("list")
  future::plan(list(future::tweak(name, workers = 2)))
  withr::defer(future::plan(former), envir = frame)
}

test_that("answers are the same bytes on any plan", {
  skip_if_not_installed("future")
  skip_if_not(nzchar(system.file("libs", package = "fatefield")), "fatefield is not installed")
  here <- plan_answers()
  for (plan in c("multisession", "multicore")) {
    local_plan(plan)
    if (plan_workers() < 2L) next
    there <- plan_answers()
    for (name in names(here)) expect_identical(there[[name]], here[[name]], info = paste(plan, name))
  }
})

# A piece ends its worker: number 2 once, or each time.
deadly <- function(mark, always) {
  force(mark)
  force(always)
  function(piece, tick) {
    if (piece == 2 && (always || !file.exists(mark))) {
      file.create(mark)
      tools::pskill(Sys.getpid(), 9L)
      Sys.sleep(10)
    }
    piece^2
  }
}

test_that("what a worker held that died is done by another, and named where that dies too", {
  skip_if_not_installed("future")
  for (plan in c("multisession", "multicore")) {
    local_plan(plan)
    if (plan_workers() < 2L) next
    found <- plan_chunks(as.list(1:5), deadly(withr::local_tempfile(), FALSE))
    expect_identical(found, list(results = list(1, 4, 9, 16, 25), whole = TRUE), info = plan)
    e <- suppressWarnings(tryCatch(plan_chunks(as.list(1:5), deadly(withr::local_tempfile(), TRUE)), error = identity))
    expect_s3_class(e, "fatefield_error_worker")
    expect_match(conditionMessage(e), "died 3 times of 1 piece \\(number 2 of 5\\)")
    expect_identical(plan_chunks(as.list(1:3), function(piece, tick) piece)$results, as.list(1:3))
  }
})

test_that("errors of the work are its own, and an interrupt keeps what is done", {
  work <- function(piece, tick) if (piece == 2) stop_input("genes", "None.") else piece
  expect_input_error(plan_chunks(as.list(1:3), work), "genes", "None")
  stopped <- function(piece, tick) if (piece == 3) rlang::interrupt() else piece
  expect_identical(plan_chunks(as.list(1:4), stopped), list(results = list(1L, 2L), whole = FALSE))
})
