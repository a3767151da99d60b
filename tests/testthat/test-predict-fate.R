predict_tiny <- function(object, ..., model = stub_model(), engines = list(fork_engine())) {
  with_engines(engines, PredictFate(
    object, model = model, cutoff = 0, k = 5, exclude = "progenitor", verbose = FALSE, ...
  ))
}

test_that("fates of a fork are those of its arms", {
  cells <- tiny_cells()
  x <- cells$x
  x[1:4, ] <- rbind(c(2, 0, 0), c(2, 1, 0), c(2, -1, 0), c(2, 0.1, 0))
  fate <- predict_tiny(
    x, labels = cells$label, cells = 1:4, n.sim = 100, t.start = 0, t.end = 2,
    reference = which(cells$time == 2), prior = 0
  )
  expect_s3_class(fate, "fatefield_fate")
  expect_equal(unname(fate$probability[, "up"]), c(0.5, 1, 0, 0.5))
  expect_equal(unname(rowSums(fate$probability)), rep(1, 4))
  expect_equal(unname(fate$entropy), c(log(2), 0, 0, log(2)))
  expect_equal(unname(fate$se[1, 1]), sqrt(0.25 / 101))
  expect_identical(as.character(fate$fate[2:3]), c("up", "down"))
  expect_identical(rownames(fate$probability), rownames(x)[1:4])
})

test_that("smoothing, growth and ensembles do what the help says", {
  cells <- tiny_cells()
  x <- cells$x
  x[1, ] <- c(2, 0, 0)
  predict_one <- function(...) {
    predict_tiny(x, labels = cells$label, cells = 1, n.sim = 100, t.start = 0, t.end = 2,
      reference = which(cells$time == 2), ...)
  }
  expect_equal(predict_one()$probability[[1, "up"]], 50.5 / 101)
  expect_equal(predict_one(prior = 10)$probability[[1, "up"]], 55 / 110)
  grown <- predict_one(engines = list(fork_engine(growth = log(3) / 2)), prior = 0)
  expect_equal(grown$probability[[1, "up"]], 0.75)
  expect_equal(unname(grown$effective), 200^2 / (50 * 9 + 50))
  two <- predict_one(
    model = stub_model(n.models = 2L), prior = 0,
    engines = list(fork_engine(), fork_engine(growth = log(3) / 2))
  )
  expect_equal(two$probability[[1, "up"]], 0.625)
  expect_equal(two$spread[[1, "up"]], stats::sd(c(0.5, 0.75)))
  expect_equal(two$se[[1, "up"]], stats::sd(c(0.5, 0.75)) / sqrt(2))
  expect_identical(two$n.models, 2L)
  # Two members know little of their spread.
  half <- stats::qt(0.975, 1) * two$se[[1, "up"]]
  expect_equal(c(two$low[[1, "up"]], two$high[[1, "up"]]), c(max(0.625 - half, 0), min(0.625 + half, 1)))
  expect_identical(dimnames(two[1]$high), dimnames(two$probability))
  expect_equal(summary(two)$spread[summary(two)$fate == "up"], two$spread[[1, "up"]])
  expect_output(print(two), "standard deviation between models 0.1")
  expect_null(grown$low)
})

test_that("every kind of object gets the same fates, and they follow subset", {
  expected <- NULL
  for (object in tiny_objects()) {
    some <- cell_names(object)[c(1:10, 31)]
    model <- stub_model(dims = colnames(embedding(object)))
    result <- predict_tiny(object, labels = "state", model = model, cells = some, n.sim = 10)
    p <- fetch_assay(result, "fates")
    se <- fetch_assay(result, "fates_se")
    if (is.null(expected)) expected <- p
    expect_equal(p, expected)
    expect_identical(dimnames(se), dimnames(p))
    expect_equal(unname(colSums(p[, some])), rep(1, 11))
    expect_true(all(is.na(p[, setdiff(colnames(p), some)])))
    fate <- cell_column(result, "fate", "name")
    expect_identical(levels(fate), c("up", "down"))
    known <- which(!is.na(fate))
    expect_gt(length(known), 3)
    expect_identical(as.character(fate[known]), rownames(p)[max.col(t(p[, known]), "first")])
    part <- result[, c(5, 31, 60)]
    expect_identical(cell_column(part, "fate_entropy", "name"),
      cell_column(result, "fate_entropy", "name")[c(5, 31, 60)])
    expect_equal(fetch_assay(part, "fates"), p[, c(5, 31, 60)])
  }
})

test_that("a Seurat object remembers the call and shows fates as features", {
  object <- predict_tiny(tiny_seurat(), labels = "state", n.sim = 4, reference = 1:60)
  command <- SeuratObject::Command(object, "PredictFate")
  expect_identical(command@params$n.sim, 4)
  expect_identical(SeuratObject::DefaultAssay(object), "RNA")
  shown <- SeuratObject::FetchData(object, c("fate_up", "fate_entropy", "fate"))
  expect_equal(unname(shown[["fate_up"]]), unname(fetch_assay(object, "fates")["up", ]))
  expect_identical(shown[["fate_entropy"]], cell_column(object, "fate_entropy", "name"))
})

test_that("the model in the object is used, and each cell starts at its own time", {
  object <- store_model(tiny_seurat(), stub_model())
  seen <- new.env()
  spy <- fork_engine()
  simulate <- spy$simulate
  spy$simulate <- function(x0, times, n_sim, seed, first_trajectory) {
    seen$calls <- rbind(seen$calls, data.frame(n = nrow(x0), start = times[[1L]],
      end = times[[2L]], first = first_trajectory, seed = seed))
    simulate(x0, times, n_sim, seed, first_trajectory)
  }
  with_engines(list(spy), PredictFate(object, labels = "state", n.sim = 3, k = 5, verbose = FALSE,
    seed.use = 7))
  expect_identical(seen$calls$start, c(0, 1))
  expect_identical(seen$calls$end, c(2, 2))
  expect_identical(seen$calls$n, c(20L, 20L))
  expect_equal(seen$calls$first, c(0, 60))
  expect_equal(seen$calls$seed, c(7, 7))
})

test_that("chunks do not change the result", {
  x <- tiny_cells()$x
  run <- function(n.sim) {
    predict_tiny(x, labels = tiny_cells()$label, cells = 1:12, n.sim = n.sim, t.start = 0)$fate
  }
  expect_identical(run(10000), run(10))
})

test_that("stored trajectories are labelled like new ones", {
  cells <- tiny_cells()
  futures <- fork_engine()$simulate(cells$x[1:3, ], c(0, 4, 9), 20L, 1, 0)
  paths <- new_trajectories(
    futures$states, c(0, 4, 9), cell = factor(rep(rownames(cells$x)[1:3], each = 20)),
    sim = rep(1:20, 3), log_weights = futures$log_weights
  )
  last <- which(cells$time == 2)
  from_paths <- PredictFate(paths, labels = cells$label[last], reference = cells$x[last, ], k = 5,
    cutoff = 0)
  fresh <- with_engines(list(fork_engine()), PredictFate(
    cells$x, model = stub_model(), labels = cells$label, reference = last, cells = 1:3, n.sim = 20,
    t.start = 0, t.end = 9, k = 5, cutoff = 0, verbose = FALSE
  ))
  expect_equal(from_paths$probability, fresh$probability)
  expect_input_error(PredictFate(paths, labels = cells$label), "reference")
  expect_input_error(PredictFate(paths, reference = cells$x), "labels")
  expect_input_error(PredictFate(paths, labels = "a", reference = cells$x), "labels")
})

test_that("the original's manner is one call away", {
  fate <- with_engines(list(fork_engine()), PredictFate(
    tiny_cells()$x, model = stub_model(), labels = tiny_cells()$label, cells = 1:5, n.sim = 10,
    compat = "scdiffeq", t.start = 0, verbose = FALSE
  ))
  expect_identical(fate$cutoff, Inf)
  expect_true(all((fate$probability * 10) %% 1 < 1e-9))
})

test_that("far ends are unassigned and known to be", {
  fate <- with_engines(list(fork_engine(rate = 1000)), PredictFate(
    tiny_cells()$x, model = stub_model(), labels = tiny_cells()$label, cells = 1:2, n.sim = 10,
    t.start = 0, verbose = FALSE
  ))
  expect_equal(unname(fate$unassigned), c(1, 1))
  expect_equal(unname(fate$probability[1, ]), rep(1 / 3, 3))
  expect_true(all(is.na(fate$fate)))
})

test_that("fates print and become a table", {
  fate <- predict_tiny(tiny_cells()$x, labels = tiny_cells()$label, n.sim = 4, cells = 1:6)
  expect_output(print(fate), "fates of 6 cells, 1 model, at time 2, 4 futures of each")
  table <- as.data.frame(fate)
  expect_identical(names(table), c("cell", "up", "up_se", "down", "down_se", "fate", "entropy", "unassigned", "other"))
  expect_identical(dim(fate["cell003"]$probability), c(1L, 2L))
})

test_that("what cannot be is answered with the argument's name", {
  x <- tiny_cells()$x
  label <- tiny_cells()$label
  predict <- function(object = x, model = stub_model(), labels = label, ...) {
    with_engines(list(fork_engine()), PredictFate(
      object, model = model, labels = labels, verbose = FALSE, ...
    ))
  }
  expect_input_error(predict(labels = NULL), "labels")
  expect_input_error(predict(labels = rep(NA, 60)), "labels")
  expect_input_error(predict(labels = label[-1]), "labels", "60 cells")
  expect_input_error(predict(tiny_seurat(), labels = "stat"), "labels", "Did you mean \"state\"")
  expect_input_error(predict(labels = rep("a", 60)), "labels", "leaves 1 fate")
  for (bad in list(-1, 0, 2.5, "a", NA)) expect_input_error(predict(n.sim = bad), "n.sim")
  expect_input_error(predict(nsim = 5), "nsim", "n.sim")
  expect_input_error(predict(cells = "nobody"), "cells", "nobody")
  expect_input_error(predict(reference = "nobody"), "reference")
  expect_input_error(predict(reference = 1:3), "k", "labelled cells")
  expect_input_error(predict(fates = c("up", "dwn")), "fates", "Did you mean \"down\"")
  expect_input_error(predict(exclude = c("up", "down")), "exclude", "leaves 1 fate")
  expect_input_error(predict(k = 0), "k")
  expect_input_error(predict(cutoff = -1), "cutoff")
  expect_input_error(predict(prior = -1), "prior")
  expect_input_error(predict(weights = "cosine"), "weights")
  expect_input_error(predict(compat = "other"), "compat")
  expect_input_error(predict(model = NULL), "model")
  expect_input_error(predict(t.end = "late"), "t.end")
  expect_input_error(predict(t.start = "early"), "t.start")
  expect_input_error(predict(time = 1), "time", "t.start")
  expect_input_error(predict(seed.use = -1), "seed.use")
  expect_input_error(predict(tiny_seurat(), labels = "state", store.as = "state"), "store.as", "of your own")
  expect_error(predict(x[, 1:2]), "3 dimensions", class = "fatefield_error_model")
  expect_error(
    with_engines(list(), PredictFate(tiny_seurat(), labels = "state")), "no model",
    class = "fatefield_error_model"
  )
})

test_that("fates by a trained model are the same bytes for any threads and chunks", {
  cells <- SimulateDifferentiation(n.cells = 300, n.genes = 20, n.fates = 2)
  cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 2, batch.size = 32L,
    n.models = 2L, verbose = FALSE)
  predict <- function(threads, ...) {
    before <- options(fatefield.threads = threads)
    on.exit(options(before))
    PredictFate(cells, labels = "state", cells = which(cells$day <= 1)[1:40], n.sim = 10,
      exclude = "progenitor", verbose = FALSE, ...)
  }
  one <- fetch_assay(predict(1L), "fates")
  expect_identical(fetch_assay(predict(2L), "fates"), one)
  expect_false(identical(fetch_assay(predict(1L, seed.use = 1L), "fates"), one))
  expect_equal(sum(!is.na(one[1, ])), 40)
  # Every cell alone: the noise of a future hangs on the cell's place and the future's number.
  model <- GetModel(cells)
  x <- model_coordinates(cells, model)[1:4, ]
  engine <- model_engine(model, 1L)
  whole <- engine$simulate(x, c(0, 3), 5, 42, 0)$states[, , 2L]
  parts <- lapply(1:4, function(i) engine$simulate(x[i, , drop = FALSE], c(0, 3), 5, 42, (i - 1) * 5)$states[, , 2L])
  expect_identical(do.call(rbind, parts), whole)
  drift <- DriftDiffusion(x, model = model)
  expect_equal(unname(drift$drift), unname(sqrt(rowSums(drift$vectors^2))), tolerance = 0.2)
})

test_that("cells at the end keep their label with probability 1 and have no prior", {
  cells <- tiny_cells()
  last <- which(cells$time == 2)
  label <- cells$label
  label[last[1:2]] <- NA
  label[last[[3]]] <- "progenitor"
  for (engines in list(list(fork_engine()), list(fork_engine(), fork_engine(growth = 1)))) {
    fate <- predict_tiny(
      cells$x, labels = label, time = cells$time, n.sim = 8, prior = 3, model = stub_model(n.models = length(engines)),
      engines = engines
    )
    own <- last[-(1:3)]
    expect_identical(
      unname(fate$probability[own, "up"]), as.numeric(label[own] == "up")
    )
    expect_identical(unname(fate$entropy[own]), numeric(length(own)))
    expect_identical(as.character(fate$fate[own]), as.character(label[own]))
    # Unlabelled ones have the share of the votes of the reference cells around them.
    for (i in last[1:2]) {
      d <- rowSums(sweep(cells$x, 2L, cells$x[i, ])^2)
      near <- utils::head(setdiff(order(d), which(is.na(label))), 5L)
      votes <- table(label[near])
      expect_equal(fate$probability[[i, "up"]], votes[["up"]] / (votes[["up"]] + votes[["down"]]))
      expect_equal(fate$other[[i]], votes[["progenitor"]] / 5)
    }
    # A label that is no fate ends in none.
    expect_equal(fate$other[[last[[3]]]], 1)
    expect_true(is.na(fate$fate[[last[[3]]]]))
    # Those before have their prior.
    early <- which(cells$time < 2)
    expect_true(all(fate$probability[early, ] > 0 & fate$probability[early, ] < 1))
  }
})

test_that("columns of the user's are kept, and a name that is taken is refused before anything is simulated", {
  never <- fork_engine()
  never$simulate <- function(...) stop("simulated")
  for (object in tiny_objects()) {
    model <- stub_model(dims = colnames(embedding(object)))
    mine <- rep(c("a", "b"), 30)
    own <- store_cells_of_user(object, fate = mine)
    expect_warning(
      result <- predict_tiny(own, labels = "state", model = model, n.sim = 3), "of your own",
      class = "fatefield_warning_name"
    )
    expect_identical(cell_column(result, "fate", "x"), mine)
    expect_true(all(c("fatefield_fate", "fatefield_fate_entropy") %in% column_names(result)))
    expect_true("fatefield_fates" %in% assay_names(result))
    expect_input_error(
      predict_tiny(store_cells_of_user(object, fates = 1), labels = "state", model = model, engines = list(never)),
      "store.as", "\"fates\""
    )
    expect_input_error(
      predict_tiny(own, labels = "state", model = model, store.as = "fate", engines = list(never)),
      "store.as", "of your own"
    )
    # What was written here is replaced, unless the user has changed it since.
    twice <- predict_tiny(predict_tiny(object, labels = "state", model = model, n.sim = 3), model = model, n.sim = 4)
    expect_identical(GetResult(twice, "fates")$n.sim, 4L)
    changed <- store_cells_of_user(twice, fate = replace(as.character(cell_column(twice, "fate", "x")), 1L, "mine"))
    expect_warning(predict_tiny(changed, model = model, n.sim = 3), class = "fatefield_warning_name")
  }
})

test_that("fates are stale after a new fit, other coordinates or other labels, and follow the cells else", {
  for (object in tiny_objects()) {
    name <- reduction_names(object)[[1L]]
    object <- store_model(object, stub_model(dims = colnames(embedding(object))))
    object <- predict_tiny(object, model = NULL, labels = "state", n.sim = 3)
    doors <- list(
      function(o) GetResult(o, "fates"), PlotFate, function(o) ScoreFate(o, "state", n.boot = 0)
    )
    moved <- set_coordinates(object, name, embedding(object, name) + 1)
    labelled <- store_cells_of_user(object, state = replace(as.character(tiny_cells()$label), 1:3, "up"))
    anew <- stub_model(dims = colnames(embedding(object)))
    anew$states <- list(archive_pack(list(stub = 2)))
    refitted <- store_model(object, anew)
    for (door in doors) {
      for (stale in list(moved, labelled, refitted)) {
        e <- expect_error(door(stale), class = "fatefield_error_stale")
        expect_match(conditionMessage(e), "PredictFate()", fixed = TRUE)
      }
      expect_no_error(door(object[, 60:20]))
    }
    whole <- GetResult(object, "fates")$probability
    part <- object[, c(7, 33, 5)]
    expect_identical(GetResult(part, "fates")$probability, whole[cell_names(part), ])
  }
})
