# What perturbations, doses, screens and drivers are as results, and that they take what the object knows.

defined <- function(object = perturb_object(), ...) DefineFates(object, labels = "state", k = 10, cutoff = 0, ...)

# Each verb as a function of its further arguments.
asked <- function(object) {
  list(
    PerturbCells = function(...) PerturbCells(object, "fateA", ...),
    DoseResponse = function(...) DoseResponse(object, "fateA", doses = c(-1, 0, 1), ...),
    ScreenPerturbations = function(...) ScreenPerturbations(object, n.null = 12, ...),
    FindFateDrivers = function(...) {
      FindFateDrivers(object, fate = "fateA", sources = c("sensitivity", "activation"), ...)
    }
  )
}

early_cells <- function(object) utils::head(which(object$day == 0), 12)

ask <- function(verb, object, ...) {
  suppressWarnings(suppressMessages(
    asked(object)[[verb]](..., n.sim = 2, cells = early_cells(object), verbose = FALSE, t.end = 2)
  ))
}

verbs <- c("PerturbCells", "DoseResponse", "ScreenPerturbations", "FindFateDrivers")

test_that("fates are those of the definition, which a call overrides, in every verb", {
  plain <- perturb_object()
  object <- defined(exclude = "progenitor", cols = c(fateA = "firebrick"))
  for (verb in verbs) {
    want <- ask(verb, plain, labels = "state", exclude = "progenitor", k = 10, cutoff = 0)
    got <- ask(verb, object)
    expect_equal(as.data.frame(got), as.data.frame(want))
    expect_identical(got$cols[["fateA"]], "firebrick")
    other <- ask(verb, object, exclude = "progenitor", fates = c("progenitor", "fateA", "fateB"))
    expect_false(identical(as.data.frame(other), as.data.frame(got)))
    expect_input_error(ask(verb, plain), "labels", "needed")
  }
})

test_that("slips of the pen are named in every verb, and no argument hides", {
  object <- defined()
  for (verb in verbs) {
    expect_input_error(ask(verb, object, startt = 1), "startt", "no argument")
    expect_input_error(ask(verb, object, snap = "full"), "snap", "no argument")
    generic <- get(verb)
    expect_true(is.function(generic) && identical(names(formals(generic)), c("object", "...")))
    worker <- names(formals(getS3method(verb, "default")))
    expect_identical(names(formals(getS3method(verb, "Seurat"))), worker)
    wanted <- c("model", "labels", "fates", "exclude", "reference", "k", "weights", "vote", "cutoff", "cells", "n.sim",
      "time", "t.start", "t.end", "assay", "loadings", "center", "scale", "expression", "seed.use", "threads",
      "verbose")
    expect_identical(setdiff(wanted, worker), character())
  }
  expect_input_error(PerturbCells(object), "genes", "needed")
  expect_input_error(DoseResponse(object), "genes", "needed")
  expect_input_error(FindFateDrivers(object), "fate", "needed")
})

# Ends are up or down by the second coordinate, in shares that depend on where a cell starts.
switch_like <- function() {
  simulate <- function(x0, times, n_sim, seed, first, ...) {
    cell <- rep(seq_len(nrow(x0)), each = n_sim)
    level <- rep((seq_len(n_sim) - 0.5) / n_sim, nrow(x0))
    states <- array(x0[cell, ], c(length(cell), ncol(x0), length(times)))
    states[, 2L, length(times)] <- ifelse(level < stats::plogis(x0[cell, 2L]), 3, -3)
    list(states = states, log_weights = matrix(0, length(cell), length(times)))
  }
  list(simulate = simulate)
}

test_that("matrices, Seurat objects and SingleCellExperiments give the same", {
  seurat <- driver_cells()
  model <- stub_model(dims = c("PC_1", "PC_2"))
  loadings <- SeuratObject::Loadings(seurat[["pca"]])
  plain <- embedding(seurat, "pca")
  for (verb in c("PerturbCells", "DoseResponse")) {
    run <- function(object, ...) {
      with_engines(list(switch_like()), suppressWarnings(get(verb)(
        object, "Gene1", model = model, cells = 1:20, t.start = 0, labels = seurat$state, exclude = "progenitor",
        reference = 51:90, k = 5, cutoff = 0, n.sim = 4, verbose = FALSE, ...
      )))
    }
    want <- as.data.frame(run(seurat))
    expression <- as.matrix(layer_data(seurat, "data", "RNA"))
    expect_equal(as.data.frame(run(plain, expression = expression, loadings = loadings)), want)
    if (requireNamespace("SingleCellExperiment", quietly = TRUE)) {
      expect_equal(as.data.frame(run(driver_cells("sce"))), want)
    }
  }
  expect_input_error(PerturbCells(plain, "Gene1"), "model", "matrix")
})

test_that("all of them print, sum up, draw, become a table, and can be subset", {
  object <- defined()
  keys <- list(PerturbCells = NULL, DoseResponse = "fate", ScreenPerturbations = "gene", FindFateDrivers = "gene")
  for (verb in verbs) {
    x <- ask(verb, object)
    expect_s3_class(x, "fatefield_result")
    expect_lte(length(capture.output(print(x))), 3L)
    expect_s3_class(summary(x), "data.frame")
    expect_s3_class(plot(x), "ggplot")
    expect_silent(ggplot2::ggplot_build(plot(x)))
    table <- as.data.frame(x)
    expect_identical(class(table), "data.frame")
    bare <- c("low", "high", "se")
    expect_identical(intersect(bare, names(table)), character())
    numbers <- sub("_(se|low|high)$", "", grep("_(se|low|high)$", names(table), value = TRUE))
    expect_identical(setdiff(numbers, names(table)), character())
    expect_input_error(plot(x, colour = "red"), "colour", "no argument")
    if (is.null(keys[[verb]])) next
    names <- rev(unique(table[[keys[[verb]]]]))[1:2]
    some <- x[names]
    expect_identical(unique(as.data.frame(some)[[keys[[verb]]]]), names)
    expect_equal(nrow(some$table), nrow(table[table[[keys[[verb]]]] %in% names, ]))
    expect_lte(length(capture.output(print(some))), 3L)
    expect_s3_class(plot(some), "ggplot")
  }
})

test_that("changes of several genes stand in one table, if they are of one question", {
  object <- defined()
  one <- ask("PerturbCells", object)
  run <- function(gene, ...) {
    suppressWarnings(PerturbCells(
      object, gene, n.sim = 2, cells = early_cells(object), verbose = FALSE, t.end = 2, ...
    ))
  }
  two <- run("fateB")
  both <- rbind(one, two)
  expect_equal(c(one, two), both)
  expect_identical(unique(both$table$gene), c("fateA", "fateB"))
  keep <- setdiff(names(one$table), "q")
  expect_equal(both$table[keep], rbind(one$table, two$table)[keep])
  expect_equal(both$table$q, stats::p.adjust(both$table$p, "BH"))
  expect_equal(nrow(both["fateB"]$table), 4)
  expect_s3_class(plot(both), "ggplot")
  expect_output(print(both), "changes of 2 genes")
  expect_s3_class(summary(both), "data.frame")
  three <- run("fateA-2")
  expect_equal(rbind(both, three)$table, rbind(one, two, three)$table)
  expect_equal(rbind(one, c(two, three))$table, rbind(one, two, three)$table)
  expect_input_error(rbind(one, run("fateB", seed.use = 1)), "...", "seed.use")
  expect_input_error(rbind(one, run("fateB", mode = "shift")), "...", "mode")
  expect_input_error(rbind(one, one), "...", "twice")
  expect_input_error(rbind(one, ask("ScreenPerturbations", object)), "...")
  expect_input_error(rbind(ask("DoseResponse", object), ask("DoseResponse", object)), "...", "cannot be bound")
})

test_that("screens of other genes are one screen", {
  object <- defined()
  genes <- rownames(object)
  run <- function(genes, ...) {
    ScreenPerturbations(object, genes, n.null = 20, n.sim = 2, cells = early_cells(object), verbose = FALSE, ...)
  }
  whole <- run(genes)
  both <- rbind(run(genes[1:10]), run(genes[11:30]))
  expect_equal(both$table, whole$table)
  expect_equal(c(whole[genes[1:10]], whole[genes[11:30]])$table, whole$table)
  part <- whole[genes[5:8]]
  expect_equal(part$table$q[part$table$gene == genes[5]], whole$table$q[whole$table$gene == genes[5]])
  expect_equal(run(genes, resume = part)$table, whole$table)
  expect_input_error(rbind(whole, run(genes[1:2], t.end = 2)), "...", "t.end")
})

test_that("a screen knows which model and settings it was made with", {
  object <- defined()
  run <- function(object, ..., n.sim = 2) {
    ScreenPerturbations(object, "fateA", n.null = 0, n.sim = n.sim, cells = early_cells(object), verbose = FALSE, ...)
  }
  screen <- run(object)
  again <- tiny_fit(object, reduction = "pca", n.models = 2L, seed.use = 7)
  expect_error(run(again, resume = screen), class = "fatefield_error_stale")
  expect_error(
    FindFateDrivers(again, fate = "fateA", screen = screen, sources = "activation", cells = early_cells(object),
      n.sim = 2, verbose = FALSE),
    class = "fatefield_error_stale"
  )
  expect_input_error(run(object, resume = screen, k = 5), "resume", "other settings.*labels")
  expect_input_error(run(object, resume = screen, reference = object$day == 3), "resume", "labels")
  expect_input_error(run(object, resume = screen, mode = "shift"), "resume", "mode")
  expect_input_error(run(object, resume = screen, n.sim = 3), "resume", "n.sim")
  old <- screen
  old$settings <- "0123456789abcdef"
  expect_input_error(run(object, resume = structure(unclass(old), class = "fatefield_screen")), "resume", "0.1.0")
  expect_input_error(run(object, resume = 1), "resume", "ScreenPerturbations")
  # Cells that have other names by now are the same cells.
  renamed <- SeuratObject::RenameCells(object, add.cell.id = "x")
  expect_equal(run(renamed, resume = screen)$table, screen$table)
})

test_that("a model is asked in coordinates that are its own, by every verb", {
  object <- defined()
  pca <- object[["pca"]]
  moved <- SeuratObject::Embeddings(pca)
  moved[, 1] <- -moved[, 1]
  object[["pca"]] <- SeuratObject::CreateDimReducObject(moved, loadings = SeuratObject::Loadings(pca), key = "PC_",
    assay = "RNA")
  for (verb in verbs) expect_error(ask(verb, object), class = "fatefield_error_stale")
})

test_that("predicted fates are those in the object where they answer the same question", {
  object <- defined(exclude = "progenitor")
  early <- early_cells(object)
  find <- function(object, ...) {
    FindFateDrivers(object, fate = "fateA", cells = early, sources = "activation", n.sim = 5,
      verbose = FALSE, ...)
  }
  taken <- function(code) {
    said <- FALSE
    value <- withCallingHandlers(code, fatefield_message_predicted = function(m) {
      said <<- TRUE
      rlang::cnd_muffle(m)
    })
    list(value = value, said = said)
  }
  anew <- taken(find(object))
  expect_false(anew$said)
  stored <- PredictFate(object, n.sim = 20, verbose = FALSE)
  kept <- taken(find(stored))
  expect_true(kept$said)
  fate <- GetResult(stored, "fates")$fate[early]
  expect_equal(kept$value$n, c(sum(fate == "fateA"), sum(fate != "fateA")))
  # The same definition, said anew.
  expect_true(taken(find(stored, labels = "state", exclude = "progenitor", k = 10, cutoff = 0))$said)
  for (other in list(list(k = 5), list(t.end = 2), list(t.start = 1), list(reference = object$day == 3))) {
    expect_false(taken(do.call(find, c(list(stored), other)))$said)
  }
  expect_false(taken(find(PredictFate(object, t.start = 1, n.sim = 5, verbose = FALSE)))$said)
  expect_false(taken(find(PredictFate(object, cells = early[1:3], n.sim = 5, verbose = FALSE)))$said)
  expect_false(taken(find(tiny_fit(stored, reduction = "pca", n.models = 2L, seed.use = 9)))$said)
  expect_false(taken(find(stored, predicted = ifelse(object$day == 0, "fateA", "fateB")))$said)
})

test_that("questions about fates go to the neural SDE", {
  object <- defined()
  field <- GetModel(object)
  field$type <- "field"
  object <- SetModel(object, structure(field, class = c("fatefield_field", "fatefield_model")), "later")
  for (verb in verbs) {
    said <- FALSE
    got <- withCallingHandlers(
      suppressWarnings(asked(object)[[verb]](n.sim = 2, cells = early_cells(object), verbose = FALSE, t.end = 2)),
      fatefield_message_model = function(m) {
        said <<- grepl("\"sde\"", conditionMessage(m))
        rlang::cnd_muffle(m)
      }
    )
    expect_true(said)
    expect_equal(as.data.frame(got), as.data.frame(ask(verb, defined())))
  }
})

test_that("cells of a velocity field have no time, and its options are told by name", {
  cells <- FitVelocityField(field_cells(), field = "linear", verbose = FALSE)
  gene <- GetModel(cells)$dims[[1L]]
  run <- function(...) {
    suppressWarnings(PerturbCells(cells, gene, labels = rep(c("a", "b"), length.out = ncol(cells)), cells = 1:6, k = 5,
      cutoff = 0, verbose = FALSE, ...))
  }
  expect_input_error(run(time = rep(1, ncol(cells))), "time", "no time")
  expect_input_error(run(t.start = 1), "t.start", "no time")
  expect_input_error(run(snapp = "full"), "snapp", "snap")
  expect_input_error(run(n.sim = 3), "n.sim", "noise")
  expect_false(identical(run(noise = 1, n.sim = 2)$control, run()$control))
  expect_equal(dim(run(snap = "partial", n.neighbors = 10)$control), c(6L, 2L, 1L))
  some <- FindFateDrivers(cells, fate = "a", labels = rep(c("a", "b"), length.out = ncol(cells)), cells = 1:6, k = 5,
    cutoff = 0, sources = "activation", verbose = FALSE)
  expect_s3_class(plot(some), "ggplot")
  expect_equal(nrow(summary(some)), 1)
})

test_that("one model says that it cannot tell, and tells what its cells do", {
  object <- SimulateDifferentiation(n.cells = 240, n.genes = 30, n.futures = 0)
  object <- defined(tiny_fit(object, reduction = "pca"))
  said <- "one model cannot tell.*n.models = 3"
  change <- ask("PerturbCells", object)
  lost <- c("p", "q", "change_se", "change_low", "change_high", "log2_ratio_low", "log2_ratio_high", "spread")
  for (column in lost) expect_true(all(is.na(change$table[[column]])), label = column)
  for (column in c("se_cells", "p_wilcoxon", "p_mcnemar")) expect_true(all(is.finite(change$table[[column]])))
  dose <- ask("DoseResponse", object)
  for (column in c("p", "q", "slope_se", "slope_low", "slope_high")) {
    expect_true(all(is.na(dose$trend[[column]])), label = column)
  }
  expect_true(all(is.finite(dose$trend$p_wilcoxon)))
  screen <- ask("ScreenPerturbations", object)
  for (column in c("p", "q", "change_se", "change_low", "change_high")) {
    expect_true(all(is.na(screen$table[[column]])), label = column)
  }
  expect_true(any(is.finite(screen$table$p_genes)) && all(is.na(summary(screen)$found)))
  drivers <- ask("FindFateDrivers", object)
  expect_true(all(is.na(drivers$table$sensitivity_se)) && all(is.finite(drivers$table$sensitivity_se_cells)))
  expect_true(is.na(summary(drivers)$found[summary(drivers)$answer == "sensitivity"]))
  both <- suppressWarnings(rbind(change, PerturbCells(
    object, "fateB", n.sim = 2, cells = early_cells(object), verbose = FALSE, t.end = 2
  )))
  for (x in list(change, dose, screen, drivers, both)) {
    lines <- paste(capture.output(print(x)), collapse = " ")
    expect_match(lines, "one model cannot tell.*n.models = 3", label = class(x)[[1L]])
    expect_identical(lengths(regmatches(lines, gregexpr("one model cannot", lines))), 1L)
    expect_lte(length(capture.output(print(x))), 3L)
    expect_no_match(lines, ", p [0-9N]")
    expect_silent(ggplot2::ggplot_build(plot(x)))
    expect_s3_class(summary(x), "data.frame")
  }
})
