# Solvers by their names: every one that the engine knows stands in the help and in the message that refuses others,
# other spellings give the same paths, and what reversible Heun carries from step to step is carried everywhere.

# The source of a help page: that of the sources, which may be newer, else that of the installed package.
page_source <- function(name) {
  file <- file.path(test_path("..", ".."), "man", paste0(name, ".Rd"))
  if (file.exists(file)) {
    return(paste(readLines(file), collapse = "\n"))
  }
  page <- tryCatch(tools::Rd_db("fatefield"), error = function(e) list())[[paste0(name, ".Rd")]]
  if (is.null(page)) skip("no help pages here")
  paste(as.character(page), collapse = "")
}

expect_all_named <- function(names, text) {
  missing <- names[!vapply(paste0("\"", names, "\""), grepl, NA, x = text, fixed = TRUE)]
  expect_identical(missing, character())
}

test_that("every solver of the neural SDE is named in its help and in the message that refuses others", {
  solvers <- sde_solver_table()
  expect_true(all(c("euler", "milstein", "srk", "heun", "reversible_heun") %in% solvers$name))
  expect_identical(solvers$equation[solvers$name == "reversible_heun"], "Stratonovich")
  error <- expect_input_error(SDEOptions(solver = "verlet"), "solver", "is needed")
  expect_all_named(solvers$name, conditionMessage(error))
  expect_all_named(solvers$name, page_source("SDEOptions"))
  expect_all_named(solvers$name, doc_sde_orders())
})

test_that("noise that a solver cannot treat is refused before any training", {
  expect_identical(SDEOptions(solver = "reversible_heun", diffusion = "lowrank")$solver, "reversible_heun")
  error <- expect_input_error(SDEOptions(solver = "srk", diffusion = "lowrank"), "solver", "cannot treat general noise")
  general <- sde_solver_table()
  expect_all_named(general$name[!is.na(general$general)], conditionMessage(error))
})

test_that("every solver of IntegrateCells() is named in its help and in the message that refuses others", {
  solvers <- integrate_solver_table()
  names <- c(solvers$name, unlist(solvers$also))
  expect_true(all(c("rk23", "bosh3", "dopri5", "rk45", "dop853", "euler", "midpoint", "rk4") %in% names))
  model <- tiny_model()
  run <- function(solver) {
    IntegrateCells(tiny_cells()$x, model = model, cells = c(1L, 4L), t.out = c(0.5, 2), solver = solver, dt = 0.125,
      verbose = FALSE)
  }
  error <- expect_input_error(run("lsoda"), "solver", "is needed")
  expect_all_named(names, conditionMessage(error))
  expect_all_named(names, page_source("IntegrateCells"))
  expect_identical(run("RK45")$states, run("dopri5")$states)
  expect_identical(run("bosh3")$states, run("RK23")$states)
  expect_identical(run("DOP853")$states, run("dop853")$states)
  expect_equal(run("midpoint")$states, run("dop853")$states, tolerance = 0.01)
})

test_that("cells follow reversible Heun where there is no noise", {
  cells <- tiny_cells()
  model <- tiny_model(solver = "reversible_heun", diffusion = "none")
  futures <- SimulateCells(cells$x, model = model, cells = 1:4, n.sim = 1L, t.out = c(0, 0.5, 2), verbose = FALSE)
  engine <- model_engine(model)
  y <- z <- unname(cells$x[1:4, ])
  f <- engine$drift(z, 0)
  for (step in 1:8) {
    z <- 2 * y - z + f * 0.25
    y <- y + (f + engine$drift(z, 0.25 * step)) * 0.125
    f <- engine$drift(z, 0.25 * step)
    if (step == 2L) expect_equal(unname(futures$states[, , 2L]), y, tolerance = 1e-5)
  }
  expect_equal(unname(futures$states[, , 3L]), y, tolerance = 1e-5)
})

test_that("a model learns and simulates by reversible Heun, the same bytes on any number of threads", {
  cells <- tiny_cells()
  model <- tiny_model(solver = "reversible_heun", method = "sinkhorn")
  expect_true(all(is.finite(model$history$loss)))
  run <- function(model, rows = 1:4, threads = 1L, t.out = c(0, 1, 2)) {
    SimulateCells(cells$x, model = model, cells = rows, n.sim = 70L, t.out = t.out, threads = threads, verbose = FALSE)
  }
  all <- run(model)
  expect_true(all(is.finite(all$states)))
  expect_gt(stats::sd(all$states[1:70, 1L, 3L]), 0)
  expect_identical(run(model, threads = 2L)$states, all$states)
  # An output in between moves no step, and cells do not depend on those beside them.
  expect_identical(run(model, t.out = c(0, 2))$states[, , 2L], all$states[, , 3L])
  expect_identical(run(model, rows = 1L)$states, all$states[1:70, , ])
  expect_identical(tiny_model(solver = "reversible_heun", method = "sinkhorn", threads = 2L)$states, model$states)
})
