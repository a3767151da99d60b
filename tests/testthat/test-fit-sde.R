# FitSDE(): models of every kind of object, ensembles, growth, resumption, options.

test_that("a matrix gives a model that knows what it was fitted on", {
  cells <- tiny_cells()
  model <- tiny_fit(cells$x, cells$time)
  expect_s3_class(model, "fatefield_sde")
  expect_identical(model$dims, colnames(cells$x))
  expect_identical(model$times, c(0, 1, 2))
  expect_identical(model$cells, rownames(cells$x))
  expect_identical(model$history$stage, rep("bridge", 5L))
  expect_equal(model$config$updates, 5)
  expect_true(all(is.finite(model$history$loss)))
})

test_that("every kind of object gives the same model", {
  states <- lapply(tiny_objects(), function(o) GetModel(tiny_fit(o))$states)
  for (kind in names(states)) expect_identical(states[[kind]], states[[1L]], label = kind)
  model <- GetModel(tiny_fit(tiny_seurat()))
  expect_identical(model$time.name, "day")
  expect_identical(model$reduction, "pca")
})

test_that("the seed governs, and R's own stream is left alone", {
  set.seed(1)
  before <- .Random.seed
  a <- tiny_model(seed.use = 3L)
  expect_identical(.Random.seed, before)
  expect_identical(a$states, tiny_model(seed.use = 3L)$states)
  expect_false(identical(a$states, tiny_model(seed.use = 4L)$states))
  set.seed(1)
  b <- tiny_model(seed.use = NULL)
  set.seed(1)
  expect_identical(tiny_model(seed.use = NULL)$states, b$states)
})

test_that("the number of threads does not change the model", {
  old <- options(fatefield.threads = 1L)
  on.exit(options(old))
  one <- tiny_model()
  options(fatefield.threads = 2L)
  expect_identical(tiny_model()$states, one$states)
})

test_that("an ensemble has members of different seeds", {
  model <- tiny_model(n.models = 2L, bridge.noise = 0.5)
  expect_length(model$states, 2L)
  expect_false(identical(model$states[[1L]], model$states[[2L]]))
  expect_identical(unique(model$history$member), 1:2)
  expect_identical(model$states[[2L]], tiny_model(seed.use = 43L, bridge.noise = 0.5)$states[[1L]])
  # What snapshots do not tell is spread over the members.
  wide <- tiny_model(n.models = 3L)
  for (i in 1:3) {
    alone <- tiny_model(seed.use = 41L + i, bridge.noise = c(0.15, 0.7, 1.4)[[i]])
    expect_identical(model_engine(wide, i)$drift(tiny_cells()$x, 0.5), model_engine(alone)$drift(tiny_cells()$x, 0.5))
  }
  expect_output(print(summary(wide)), "bridges with 0.15 to 1.40 of the variance within times in an interval")
  expect_output(print(summary(tiny_model())), "bridges with 0.7 of the variance")
})

test_that("several models are the default where they differ in an assumption, and one elsewhere", {
  members <- function(...) length(tiny_model(n.models = NULL, updates = 2L, ...)$states)
  expect_identical(members(), 3L)
  expect_identical(members(bridge.noise = 0.5), 1L)
  expect_identical(members(method = "sinkhorn"), 1L)
  expect_identical(members(compat = "scdiffeq", growth = "none"), 1L)
})

test_that("a resumed training ends where one uninterrupted training ends", {
  cells <- tiny_cells()
  for (method in c("sinkhorn", "bridge")) {
    fit <- function(updates) {
      tiny_fit(cells$x, cells$time, method = method, updates = updates, schedule = "constant",
        warmup = 0)
    }
    short <- fit(4L)
    long <- fit(8L)
    on <- FitSDE(cells$x, cells$time, resume = short, updates = 8L, verbose = FALSE)
    expect_identical(nrow(on$history), 8L)
    expect_equal(on$history$loss, long$history$loss, tolerance = 0)
  }
  other <- cells$x + 1
  expect_error(
    FitSDE(other, cells$time, resume = short, verbose = FALSE),
    class = "fatefield_error_model"
  )
  expect_input_error(
    FitSDE(cells$x, cells$time, resume = short, drift = "forward", verbose = FALSE), "drift"
  )
  expect_input_error(
    FitSDE(cells$x, cells$time, resume = short, method = "sinkhorn", verbose = FALSE), "method"
  )
})

test_that("every method learns, says so, and knows how wide its clouds are", {
  cells <- tiny_cells()
  for (method in c("bridge", "sinkhorn", "bridge+sinkhorn")) {
    model <- tiny_fit(cells$x, cells$time, method = method, growth = "learned")
    expect_identical(model$config$method, method)
    expect_true(all(is.finite(model$history$loss)))
    expect_identical(model$dispersion$time, c(1, 2))
    expect_true(all(model$dispersion$low <= model$dispersion$median))
    expect_true(all(model$dispersion$median <= model$dispersion$high))
    expect_output(print(summary(model)), "simulated over observed at 1: [0-9.]+ [(]")
    expect_s3_class(PlotTraining(model), "ggplot")
  }
  both <- tiny_model(method = "bridge+sinkhorn", finish.updates = 3L)
  expect_identical(both$history$stage, rep(c("bridge", "rollouts"), c(5L, 3L)))
  expect_identical(TrainOptions(compat = "scdiffeq")$method, "sinkhorn")
})

test_that("growth is none, learned, or given", {
  cells <- tiny_cells()
  learned <- tiny_fit(cells$x, cells$time, growth = "learned")
  expect_true(model_engine(learned)$has_growth())
  rates <- seq(-1, 1, length.out = nrow(cells$x))
  given <- tiny_fit(cells$x, cells$time, growth = rates)
  expect_false(model_engine(given)$has_growth())
  expect_false(identical(given$states, tiny_model()$states))
  object <- tiny_seurat()
  object$rate <- rates
  expect_identical(GetModel(tiny_fit(object, growth = "rate"))$states, given$states)
  expect_input_error(tiny_fit(cells$x, cells$time, growth = rates[-1L]), "growth")
  expect_input_error(tiny_fit(cells$x, cells$time, growth = replace(rates, 3L, NA)), "growth")
  # Without a word growth is learned, but not in what was published; mass may give way without it.
  expect_identical(tiny_model()$growth, "learned")
  expect_identical(tiny_model(compat = "scdiffeq")$growth, "none")
  balanced <- tiny_model(growth = "none")
  expect_identical(balanced$growth, "none")
  expect_false(identical(tiny_model(growth = "none", reach = 0.5)$states, balanced$states))
})

test_that("clones are held out as a whole, and must be one a cell", {
  cells <- tiny_cells()
  clone <- rep(c("a", "b", NA), length.out = nrow(cells$x))
  expect_s3_class(tiny_fit(cells$x, cells$time, clone = clone), "fatefield_sde")
  expect_input_error(tiny_fit(cells$x, cells$time, clone = "a"), "clone")
})

test_that("the published settings can be asked for", {
  expect_identical(SDEOptions(compat = "scdiffeq")$drift.hidden, c(512, 512))
  engine <- methods::new(NeuralSDE, SDEOptions(compat = "scdiffeq"), 50L, 1)
  expect_identical(engine$parameters(), 293618)
  model <- tiny_model(compat = "scdiffeq", dropout = 0)
  expect_identical(model$config$diffusion, "rank1")
  expect_identical(model$config$optimizer, "rmsprop")
  expect_identical(model$config$ratio.enforce, 100)
})

test_that("options that cannot be are named", {
  expect_input_error(tiny_model(updatse = 3L), "updatse", "updates")
  expect_input_error(tiny_model(drift = "circular"), "drift")
  expect_input_error(tiny_model(learning.rate = -1), "learning.rate")
  expect_input_error(tiny_model(method = "magic"), "method")
  expect_input_error(tiny_model(n.models = 0L), "n.models")
  expect_input_error(tiny_model(batch.size = 1000L), "batch.size", "fewer|only")
  expect_input_error(SDEOptions(diffusion.init = 0), "diffusion.init")
  expect_input_error(TrainOptions(scaling = 2), "scaling")
  expect_input_error(TrainOptions(bridge.plan = "all"), "bridge.plan")
  expect_input_error(TrainOptions(bridge.noise = -1), "bridge.noise")
  expect_input_error(TrainOptions(sliced.weight = -1), "sliced.weight")
})

test_that("a model survives saving, loading and another process", {
  skip_if_not_installed("callr")
  cells <- tiny_cells()
  model <- tiny_fit(cells$x, cells$time)
  file <- tempfile(fileext = ".fatefield")
  rds <- tempfile(fileext = ".rds")
  SaveModel(model, file)
  saveRDS(model, rds)
  expect_identical(LoadModel(file)$states, model$states)
  here <- SimulateCells(cells$x, model = model, cells = 1:3, n.sim = 2L, t.out = c(0, 1, 2),
    verbose = FALSE)
  there <- callr::r(function(file, rds, x) {
    simulate <- function(m) {
      fatefield::SimulateCells(x, model = m, cells = 1:3, n.sim = 2L, t.out = c(0, 1, 2),
        verbose = FALSE)
    }
    list(simulate(fatefield::LoadModel(file)), simulate(readRDS(rds)))
  }, list(file, rds, cells$x), libpath = .libPaths(), timeout = 120)
  expect_identical(there[[1L]]$states, here$states)
  expect_identical(there[[2L]]$states, here$states)
})

test_that("forked workers simulate after a training on several threads", {
  skip_on_os("windows")
  skip_if_not_installed("callr")
  cells <- tiny_cells(900L)
  forked <- callr::r(function(x, time) {
    options(fatefield.threads = 2L)
    model <- fatefield::FitSDE(x, time, updates = 3L, drift.hidden = 8L, dt = 0.25, verbose = FALSE)
    run <- function(i) {
      fatefield::SimulateCells(x, model = model, cells = i, n.sim = 300L, t.out = c(0, 2),
        verbose = FALSE)$states
    }
    list(parallel::mclapply(1:2, run, mc.cores = 2L), lapply(1:2, run))
  }, list(cells$x, cells$time), libpath = .libPaths(), timeout = 120)
  expect_identical(forked[[1L]], forked[[2L]])
})

test_that("Ctrl-C ends a training within a second and leaves a usable model", {
  skip_on_os("windows")
  skip_if_not_installed("callr")
  started <- tempfile(fileext = ".started")
  child <- callr::r_bg(function(started) {
    n <- 3000L
    x <- cbind(sin(seq_len(n)), cos(seq_len(n) * 1.7), sin(seq_len(n) * 0.3))
    time <- rep(0:2, length.out = n)
    # Touched once the training has begun, by the first sign of progress.
    trace <- function(done, note) if (!file.exists(started)) file.create(started)
    engine <- methods::new(fatefield::NeuralSDE, fatefield::SDEOptions(), 3L, 1)
    result <- engine$fit(x, time, fatefield::TrainOptions(updates = 1e6), 1, list(tick = trace))
    list(ended = result$ended, at = Sys.time(), updates = result$updates,
      drift = engine$drift(x[1:2, ], 0))
  }, list(started), libpath = .libPaths())
  on.exit(child$kill())
  deadline <- Sys.time() + 60
  while (!file.exists(started) && child$is_alive() && Sys.time() < deadline) Sys.sleep(0.05)
  expect_true(file.exists(started))
  pressed <- Sys.time()
  child$interrupt()
  child$wait(30000)
  result <- child$get_result()
  expect_identical(result$ended, "interrupted")
  expect_gt(result$updates, 0)
  expect_true(all(is.finite(result$drift)))
  # A second is promised on an idle machine; here only that it is not the million updates.
  expect_lt(as.numeric(result$at - pressed, units = "secs"), 20)
})

test_that("a fit stands in the log of a Seurat object, without the values of all cells", {
  object <- tiny_fit(tiny_seurat(n = 600L), time = tiny_cells(600L)$time, dims = 1:2)
  logged <- SeuratObject::Command(object, "FitSDE")
  expect_identical(logged$dims, 1:2)
  expect_match(logged$time, "vector of length 600")
})

# Six hundred cells, one of which can be put anywhere.
many_cells <- function(at = NULL) {
  cells <- tiny_cells(600L)
  if (!is.null(at)) cells$x[17L, 2L] <- at
  cells
}

test_that("a cell far from all others is left out, and named", {
  far <- many_cells(1e9)
  clean <- many_cells()
  for (method in c("bridge", "sinkhorn")) {
    expect_warning(
      model <- tiny_fit(far$x, far$time, method = method), "1 cell is so far.*cell017",
      class = "fatefield_warning_outliers"
    )
    without <- expect_silent(tiny_fit(clean$x[-17L, ], clean$time[-17L], method = method))
    expect_identical(model$states, without$states)
    expect_identical(model$outliers, "cell017")
  }
  expect_identical(without$outliers, character())
  expect_output(print(summary(model)), "left out : 1 cell far from all others")
  expect_identical(summary(model)$data$outliers, "cell017")
  # The model still knows all of its cells.
  expect_identical(model$cells, rownames(far$x))
  expect_identical(cell_starts(far$x, model), far$time)
})

test_that("what is left out is the same for clones, rates and a training that goes on", {
  far <- many_cells(-1e6)
  clean <- many_cells()
  clone <- rep(seq_len(200L), 3L)
  rate <- (seq_len(600L) %% 7L) / 10
  expect_warning(
    model <- tiny_fit(far$x, far$time, clone = clone, growth = rate, updates = 3L, schedule = "constant", warmup = 0),
    class = "fatefield_warning_outliers"
  )
  without <- function(...) {
    tiny_fit(clean$x[-17L, ], clean$time[-17L], clone = clone[-17L], growth = rate[-17L], schedule = "constant",
      warmup = 0, ...)
  }
  expect_identical(model$states, without(updates = 3L)$states)
  more <- suppressWarnings(FitSDE(far$x, far$time, clone = clone, growth = rate, resume = model, updates = 5L,
    verbose = FALSE))
  expect_identical(more$history$loss, without(updates = 5L)$history$loss)
})

test_that("cells are far by what the others are, and clouds are not", {
  x <- many_cells()$x
  time <- many_cells()$time
  expect_identical(far_cells(x, time), integer())
  # Not the edge of a heavy tail, nor a rare kind, nor a time far away.
  expect_identical(far_cells(cbind(stats::qt((1:1000 - 0.5) / 1000, 2))), integer())
  rare <- x
  rare[1:4, ] <- rare[1:4, ] + 20
  expect_identical(far_cells(rare, time), integer())
  late <- x
  late[time == 2, ] <- late[time == 2, ] + 1e6
  expect_identical(far_cells(late, time), integer())
  several <- x
  several[c(5, 50, 500), 1L] <- c(1e3, -1e9, 1e9)
  expect_identical(far_cells(several, time), c(5L, 50L, 500L))
  # More than one in a hundred are no outliers.
  several[1:7, 1L] <- 1e9
  expect_identical(far_cells(several, time), integer())
  set <- SimulateDifferentiation(n.cells = 500, n.genes = 30, n.futures = 0, as = "list")
  expect_identical(far_cells(set$latent, set$cells$day), integer())
})

test_that("a dimension that does not vary neither moves nor matters", {
  cells <- tiny_cells(90L)
  x <- cbind(cells$x[, 1:2], same = 1 / 3, cells$x[, 3L, drop = FALSE])
  for (options in list(
    list(method = "bridge"), list(method = "bridge", growth = "none", drift = "forward", diffusion = "scalar"),
    list(method = "sinkhorn", diffusion = "lowrank", diffusion.rank = 2L),
    list(method = "bridge+sinkhorn", finish.updates = 2L, solver = "heun")
  )) {
    fit <- function(x) do.call(tiny_fit, c(list(x, cells$time), options))
    model <- fit(x)
    without <- fit(cells$x)
    engine <- model_engine(model)
    other <- model_engine(without)
    expect_identical(engine$dims(), 4L)
    expect_identical(engine$drift(x, 1)[, 3L], numeric(90))
    expect_identical(engine$diffusion(x, 1)[, 3L], numeric(90))
    expect_identical(engine$drift(x, 1)[, -3L], other$drift(cells$x, 1))
    paths <- engine$simulate(x[1:5, ], c(0, 1, 2), 3, 1, 0)$states
    expect_identical(paths[, 3L, ], matrix(1 / 3, 15L, 3L))
    expect_identical(paths[, -3L, ], other$simulate(cells$x[1:5, ], c(0, 1, 2), 3, 1, 0)$states)
    # A start that has another value there keeps it.
    moved <- x[1:2, ]
    moved[, 3L] <- c(0.1, pi)
    expect_identical(engine$simulate(moved, c(0, 2), 1, 1, 0)$states[, 3L, 2L], c(0.1, pi))
    quiet <- engine$simulate_as(x[1:5, ], c(0, 2), 1, 1, 0, list(noise.sd = c(0.1, 0.2, 5, 0.3)))$states
    expect_identical(
      quiet[, -3L, 2L],
      other$simulate_as(cells$x[1:5, ], c(0, 2), 1, 1, 0, list(noise.sd = c(0.1, 0.2, 0.3)))$states[, , 2L]
    )
    expect_identical(quiet[, 3L, 2L], rep(1 / 3, 5))
  }
  longer <- function(...) tiny_fit(x, cells$time, schedule = "constant", warmup = 0, ...)
  first <- longer(updates = 2L)
  on <- FitSDE(x, cells$time, resume = first, updates = 5L, verbose = FALSE)
  expect_identical(on$history$loss, longer(updates = 5L)$history$loss)
  expect_input_error(tiny_fit(x * 0, cells$time), "object", "same point")
})

test_that("values that would overflow are named, in every method", {
  for (value in c(1e300, 1e30, -1e16)) {
    cells <- tiny_cells()
    cells$x[3L, 2L] <- value
    for (method in c("bridge", "bridge+sinkhorn", "sinkhorn")) {
      expect_input_error(tiny_fit(cells$x, cells$time, method = method), "object", "overflow.*cell003.*PC_2")
    }
    expect_input_error(tiny_fit(cells$x, cells$time, compat = "scdiffeq"), "object", "overflow")
    good <- tiny_cells()
    model <- tiny_fit(good$x, good$time)
    expect_input_error(
      SimulateCells(cells$x, model = model, cells = 3, n.sim = 2, verbose = FALSE), "object", "overflow"
    )
    expect_input_error(
      PredictFate(cells$x, model, labels = cells$label, n.sim = 2, verbose = FALSE), "object", "overflow"
    )
    expect_input_error(
      PredictFate(cells$x, labels = cells$label, time = cells$time, method = "plan"), "object", "overflow"
    )
    expect_input_error(DefineFates(cells$x, labels = cells$label), "object", "overflow")
    expect_input_error(OTDistance(good$x, cells$x), "y", "overflow")
    expect_input_error(FitVelocityField(cells$x, good$x, field = "knn", verbose = FALSE), "object", "overflow")
    expect_input_error(FitVelocityField(good$x, cells$x, field = "knn", verbose = FALSE), "velocity", "overflow")
  }
})

test_that("simulated clouds are judged by where they lie beside the observed ones", {
  normal <- function(n, seed) matrix(stats::qnorm(halton(n, seed)), n)
  halton <- function(n, seed) sapply(sqrt(c(2, 3, 5)), function(r) ((seq_len(n) + seed) * r) %% 1)
  observed <- normal(400, 0)
  before <- observed - 4
  judge <- function(states, config = list(method = "bridge", bridge.noise = 0), weights = rep(1 / 300, 300)) {
    check <- data.frame(member = 1, time = 2, t(cloud_check(states, weights, observed, before, 1)))
    fit_verdict(check, utils::modifyList(c(TrainOptions()), config))
  }
  good <- judge(normal(300, 1000))
  expect_identical(good$verdict, "good")
  expect_identical(good$advice, NA_character_)
  expect_match(fit_text(good), "^good: at every time at most .* % of the simulated cells lie outside")
  expect_identical(judge(0.7 * normal(300, 1000))$verdict, "shrunk")
  expect_match(judge(0.7 * normal(300, 1000))$reason, "at time 2 simulated cells have only 0.5")
  expect_identical(judge(1.3 * normal(300, 1000))$verdict, "spread")
  expect_identical(judge(20 * normal(300, 1000))$verdict, "spread")
  expect_identical(judge(normal(300, 1000) * NaN)$verdict, "spread")
  half.way <- judge(normal(300, 1000) - 2)
  expect_identical(half.way$verdict, "underfit")
  expect_match(half.way$reason, "not where the observed ones are")
  expect_match(half.way$advice, "more `updates` [(]700 were made[)]")
  # Beside thin arms of cells, though the cloud as a whole is where it should be and rather narrow.
  beside <- data.frame(member = 1, time = 1, outside = 0.6, knn = 6, variance = 0.67, energy = 0.01, floor = 0.001,
    before = 0.3)
  expect_identical(fit_verdict(beside, c(TrainOptions()))$verdict, "spread")
  expect_match(fit_verdict(beside, c(TrainOptions()))$reason, "60 % of the simulated cells lie outside")
  # A few that stray are of too few updates, or of noise that is above all that an ensemble takes.
  astray <- normal(300, 1000)
  astray[1:32, ] <- cbind(c(3, -3), c(1.8, -1.8, 1.8, 1.8), 0)[rep(1:4, 8), ]
  expect_identical(judge(astray)$verdict, "underfit")
  expect_match(judge(astray)$reason, "lie outside the observed ones")
  expect_identical(judge(astray, list(bridge.noise = 3))$verdict, "spread")
  # With fewer updates than the default these come first.
  expect_identical(judge(1.3 * normal(300, 1000), list(updates = 20))$verdict, "underfit")
  # By mass, and not where there are too few cells.
  expect_identical(judge(astray, weights = c(rep(0, 32), rep(1 / 268, 268)))$verdict, "good")
  few <- data.frame(member = 1, time = 2, t(cloud_check(observed, rep(1 / 400, 400), observed[1:10, ], before, 1)))
  expect_null(fit_verdict(few, list(method = "bridge")))
})

test_that("a fit keeps its verdict, which its printing, its file and its figure have", {
  model <- tiny_model(n.models = 2L)
  expect_identical(names(model$check), c("member", "time", "outside", "knn", "variance", "energy", "floor", "before"))
  expect_identical(model$check$time, c(1, 2, 1, 2))
  expect_identical(model$check$member, c(1L, 1L, 2L, 2L))
  expect_identical(tiny_model(n.models = 2L)$check, model$check)
  expect_identical(model$verdict$verdict, "underfit")
  text <- fit_text(model$verdict)
  expect_output(print(model), paste0("fit      : ", model$verdict$verdict, ": at time"))
  expect_match(gsub("\n", " ", PlotTraining(model)$labels$subtitle), text, fixed = TRUE)
  expect_true(all(c("outside", "neighbour ratio") %in% as.data.frame(summary(model))$quantity))
  file <- tempfile(fileext = ".fatefield")
  SaveModel(model, file)
  expect_identical(LoadModel(file)[c("check", "verdict")], model[c("check", "verdict")])
  cells <- tiny_cells()
  expect_message(tiny_fit(cells$x, cells$time, verbose = TRUE), "^Fit underfit: ")
  # One that was fitted before there were verdicts.
  model[c("check", "verdict")] <- NULL
  expect_no_match(utils::capture.output(print(model)), "  fit ")
  expect_no_match(PlotTraining(model)$labels$subtitle, "underfit")
})

test_that("a verdict looks at held-out cells first", {
  time <- rep(0:1, each = 50)
  x <- cbind(sin(1:100), cos(1:100 * 1.7))
  held_out <- function(validation, clone = NULL) {
    engine <- methods::new(NeuralSDE, SDEOptions(), 2L, 42)
    train <- TrainOptions(method = "bridge", updates = 1L, validation = validation)
    engine$fit(x, time, train, 42, list(clone = clone))$validation
  }
  held <- held_out(0.2)
  expect_identical(as.vector(table(held, time)["TRUE", ]), c(10L, 10L))
  expect_false(any(held_out(0)))
  clone <- rep(1:10, 10)
  expect_true(all(tapply(held_out(0.2, clone), clone, function(h) length(unique(h))) == 1L))
  chosen <- held_first(which(held), which(!held), 30, 1, 1)
  expect_identical(length(unique(chosen)), 30L)
  expect_setequal(chosen[1:20], which(held))
})
