# Do two installed versions of the package give the same bytes? Runs a fixed set of small fits, fates, simulations,
# velocities, graphs, fields, paths and analyses with each, in a process of its own, and compares digests of the
# numbers.
# For before and after a change of the engine that must change no result, on one machine.
#
#   Rscript tools/same-results.R OLD_LIBRARY NEW_LIBRARY [WORD]     only the cases whose name holds WORD
#
# Prints each case with its seconds in both, and ends with "same results: N passed, N failed". A case that both versions
# end with an error is a failure: nothing was compared.
arguments <- commandArgs(TRUE)
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))

# Cells ---------------------------------------------------------------------------------------------------------------
# Both made from the seed alone, by the version at hand: simulators are cases, too.
differentiation <- function() {
  SimulateDifferentiation(n.cells = 400, n.genes = 60, n.futures = 0, n.drivers = 2L, as = "list", seed.use = 3)
}
two_branch <- function(as = "list") SimulateTwoBranch(n.cells = 300, n.genes = 40, as = as, seed.use = 3)

# The numbers of a result, without what tells of when, by what or from what it was made.
numbers <- function(x) {
  if (is.list(x)) {
    x <- unclass(x)
    keep <- if (is.null(names(x))) TRUE else !names(x) %in% c("call", "fingerprint", "settings", "version", "seconds")
    return(lapply(x[keep], numbers))
  }
  if (is.function(x) || is.environment(x) || is.language(x)) return(NULL)
  if (inherits(x, "Matrix")) return(list(as.matrix(x)))
  if (is.atomic(x)) as.vector(unclass(x)) else x
}

# Cases: name -> function() giving numbers. What several need is made at first need.
make_cases <- function() {
  made <- new.env(parent = emptyenv())
  once <- function(name, code) {
    if (!exists(name, made)) assign(name, code, made)
    get(name, made)
  }
  cells <- function() once("cells", differentiation())
  labels <- function() as.character(cells()$cells$state)
  fit <- function(...) FitSDE(cells()$latent, time = cells()$cells$day, updates = 30, verbose = FALSE, ...)
  model <- function() once("model", fit(n.models = 2L))
  growing <- function() once("growing", fit(growth = "learned"))
  state <- function(m) list(m$states, m$history)
  branches <- function(as = "list") once(paste0("branches_", as), two_branch(as))
  with_times <- function(f, ...) f(cells()$latent, model(), time = cells()$cells$day, verbose = FALSE, ...)
  fates <- function(...) {
    PredictFate(
      cells()$latent, model(),
      labels = labels(), cells = 1:60, n.sim = 20, time = cells()$cells$day, exclude = "progenitor", verbose = FALSE,
      ...
    )
  }
  velocity <- function(mode = "stochastic") {
    once(paste0("velocity_", mode), EstimateVelocity(
      branches()$counts, branches()$unspliced,
      mode = mode, genes = rownames(branches()$counts), nfeatures = 0, verbose = FALSE
    ))
  }
  embedded <- function(mode = "stochastic", ...) {
    once(paste0("embedded_", mode), EmbedVelocity(velocity(mode), branches()$pca, verbose = FALSE, ...))
  }
  field <- function(kind) {
    object <- once("with_velocity", {
      EstimateVelocity(branches("seurat"), nfeatures = 0, genes = rownames(branches("seurat")), verbose = FALSE)
    })
    few <- if (kind %in% c("vae", "ae")) list(epochs = 5L, encoder = 32L, latent = 8L, decoder = 32L) else list()
    do.call(FitVelocityField, c(list(object, field = kind, verbose = FALSE), few))
  }
  integrate <- function(...) with_times(IntegrateCells, cells = 1:20, ...)

  cases <- list(
    "simulated differentiation" = function() differentiation(),
    "simulated two branches" = function() two_branch(),
    "fit, default" = function() state(fit()),
    "fit, ensemble" = function() state(model()),
    "fit, clones" = function() state(fit(clone = cells()$cells$clone)),
    "fit, learned growth" = function() state(growing()),
    "fit, given growth" = function() state(fit(growth = 1 + cells()$latent[, 1] %% 1)),
    "fit, as scDiffEq" = function() state(fit(compat = "scdiffeq")),
    "fit, low-rank diffusion" = function() state(fit(diffusion = "lowrank", diffusion.rank = 2L)),
    "fit, forward drift in two layers" = function() state(fit(drift = "forward", drift.hidden = c(16L, 16L))),
    "fit, double precision" = function() state(fit(precision = "float64")),
    "fit, batches and validation" = function() state(fit(batch.size = 32L, validation = 0.2)),
    "growth rates" = function() {
      GrowthRates(
        t(as.matrix(cells()$data)),
        birth = rownames(cells()$data)[1:5], death = rownames(cells()$data)[6:10], reduction = cells()$latent
      )
    },
    "simulation, states" = function() with_times(SimulateCells, cells = 1:40, n.sim = 10),
    "simulation, moments" = function() with_times(SimulateCells, cells = 1:40, n.sim = 10, keep = "moments"),
    "simulation, growth" = function() {
      SimulateCells(cells()$latent, growing(), cells = 1:40, n.sim = 10, time = cells()$cells$day, verbose = FALSE)
    },
    "drift, diffusion, potential" = function() {
      DriftDiffusion(cells()$latent, model(), time = cells()$cells$day)
    },
    "interpolated times" = function() {
      lapply(c(0.5, 1.5), function(t) with_times(InterpolateTime, t.out = t, n.sim = 200))
    },
    "score of interpolation" = function() {
      with_times(ScoreInterpolation, t.out = 2, n.cells = 80, n.repeats = 2, n.sim = 200)
    },
    "fates" = function() fates(),
    "fates, weighted votes and a prior" = function() {
      fates(k = 9, weights = "distance", prior = 2)
    },
    "fates over time" = function() {
      FateDynamics(
        cells()$latent, model(),
        labels = labels(), cells = 1:20, n.sim = 10, exclude = "progenitor", n.boot = 20,
        verbose = FALSE
      )
    },
    "score of fates" = function() {
      names <- c("fateA", "fateB", "fateC")
      ScoreFate(fates(), truth = factor(rep_len(names, 60), levels = names), n.boot = 20)
    },
    "noise compared" = function() {
      CompareNoise(
        cells()$latent, model(),
        labels = labels(), cells = 1:20, n.sim = 10, exclude = "progenitor", time = cells()$cells$day, verbose = FALSE
      )
    },
    "criticality, Kullback-Leibler" = function() gene_criticality(measure = "kl"),
    "criticality, Jensen-Shannon" = function() gene_criticality(measure = "js"),
    "criticality, path" = function() criticality(measure = "path", path = "drift"),
    "Lyapunov exponents" = function() {
      LyapunovExponents(
        cells()$latent, model(),
        cells = 1:10, n.exponents = 2L, n.steps = 10L, verbose = FALSE
      )
    },
    "perturbed gene, set" = function() perturb(mode = "set", at = 2),
    "perturbed gene, shift" = function() perturb(mode = "shift", at = -1),
    "perturbed gene, clamp" = function() perturb(mode = "clamp", at = 1),
    "perturbations screened" = function() {
      object <- perturbed_object()
      ScreenPerturbations(
        object,
        genes = rownames(object)[1:6], labels = "state", cells = 1:20, n.sim = 10, exclude = "progenitor", n.null = 5,
        verbose = FALSE
      )
    },
    "fate drivers" = function() {
      FindFateDrivers(
        perturbed_object(),
        fate = "fateA", labels = "state", exclude = "progenitor", n.sim = 5, max.cells = 40, n.directions = 5,
        verbose = FALSE
      )
    },
    "gene trends" = function() {
      object <- perturbed_object()
      paths <- SimulateCells(object, cells = 1:20, n.sim = 5, verbose = FALSE)
      GeneTrends(paths, object, genes = rownames(object)[1:5], labels = "state", exclude = "progenitor", n.boot = 10)
    },
    "transition matrix" = function() TransitionMatrix(embedded()),
    "transition matrix, backward" = function() TransitionMatrix(embedded(), backward = TRUE, self.transitions = FALSE),
    "latent time" = function() embedded("dynamical")$cells,
    "gene dynamics" = function() {
      counts <- branches()$counts
      colnames(counts) <- sprintf("cell%d", seq_len(ncol(counts)))
      GeneDynamics(Matrix::t(counts), branches()$pca[, 1], n.boot = 20, verbose = FALSE)
    },
    "coexpression" = function() {
      CoexpressionNetwork(t(as.matrix(cells()$data)), verbose = FALSE, min.size = 3, n.modules = 3)
    },
    "transport distance" = function() {
      x <- cells()$latent
      lapply(c("sinkhorn", "exact", "sliced", "energy"), function(m) OTDistance(x[1:100, ], x[301:400, ], method = m))
    },
    "transport plan" = function() OTPlan(cells()$latent[1:80, ], cells()$latent[101:220, ]),
    "probability flow" = function() integrate(path = "probability-flow"),
    "noisy paths" = function() integrate(noise = 0.5, start.noise = 0.5, n.sim = 3),
    "paths backward" = function() with_times(IntegrateCells, cells = 380:400, direction = "backward")
  )
  criticality <- function(...) {
    CellCriticality(cells()$latent, model(), cells = 1:20, n.steps = 10, n.sim = 5, verbose = FALSE, ...)
  }
  gene_criticality <- function(...) {
    object <- CellCriticality(perturbed_object(), cells = 1:20, n.steps = 10, n.sim = 5, verbose = FALSE, ...)
    GetResult(object, "criticality")
  }
  perturbed_object <- function() {
    once("perturbed", FitSDE(
      SimulateDifferentiation(n.cells = 240, n.genes = 30, n.futures = 0, n.drivers = 1L, seed.use = 3),
      time = "day", reduction = "pca", updates = 20, verbose = FALSE
    ))
  }
  perturb <- function(...) {
    PerturbCells(
      perturbed_object(),
      genes = rownames(perturbed_object())[[1L]], labels = "state", cells = 1:20, n.sim = 20, exclude = "progenitor",
      verbose = FALSE, ...
    )
  }
  for (method in c("bridge", "sinkhorn")) local({
    method <- method
    cases[[paste("fit,", method)]] <<- function() state(fit(method = method))
  })
  for (solver in c("euler", "heun", "milstein", "srk")) local({
    solver <- solver
    cases[[paste("fit and simulation,", solver)]] <<- function() {
      m <- fit(solver = solver)
      list(state(m),
        SimulateCells(cells()$latent, m, cells = 1:20, n.sim = 5, time = cells()$cells$day, verbose = FALSE))
    }
  })
  for (solver in c("euler", "rk4", "rk23", "dopri5", "dop853")) local({
    solver <- solver
    cases[[paste("paths,", solver)]] <<- function() integrate(solver = solver)
  })
  for (mode in c("stochastic", "deterministic", "dynamical")) local({
    mode <- mode
    cases[[paste("velocity,", mode)]] <<- function() velocity(mode)
    cases[[paste("velocity graph and arrows,", mode)]] <<- function() embedded(mode)
  })
  for (kind in c("vae", "ae", "linear", "sparsevfc", "knn")) local({
    kind <- kind
    cases[[paste("velocity field,", kind)]] <<- function() {
      object <- field(kind)
      list(state(GetModel(object)), IntegrateCells(object, cells = 1:10, verbose = FALSE))
    }
  })
  cases
}

# One process: runs the cases and writes list(name = list(digest or error, seconds)).
if (identical(arguments[[1L]], "--run")) {
  suppressMessages(library(fatefield))
  cases <- make_cases()
  cases <- cases[grepl(arguments[[3L]], names(cases), fixed = TRUE)]
  found <- lapply(cases, function(case) {
    start <- proc.time()[["elapsed"]]
    found <- tryCatch(
      list(digest = rlang::hash(numbers(suppressWarnings(suppressMessages(case()))))),
      error = function(e) list(error = conditionMessage(e))
    )
    c(found, seconds = proc.time()[["elapsed"]] - start)
  })
  saveRDS(found, arguments[[2L]])
  quit(status = 0L)
}

if (length(arguments) < 2L) stop("same-results.R OLD_LIBRARY NEW_LIBRARY [WORD]")
word <- c(arguments, "")[[3L]]
run_with <- function(library) {
  if (!dir.exists(file.path(library, "fatefield"))) stop("no fatefield in ", library)
  out <- tempfile(fileext = ".rds")
  Sys.setenv(R_LIBS = normalizePath(library))
  status <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(c(script, "--run", out, word))))
  if (status != 0L) stop("the cases did not end with the package in ", library)
  readRDS(out)
}
old <- run_with(arguments[[1L]])
new <- run_with(arguments[[2L]])
same <- vapply(names(old), function(n) {
  is.null(old[[n]]$error) && is.null(new[[n]]$error) && identical(old[[n]]$digest, new[[n]]$digest)
}, NA)
for (n in names(old)) {
  error <- c(old[[n]]$error, new[[n]]$error)
  cat(sprintf(
    "%s %6.2f s %6.2f s  %s%s\n", if (same[[n]]) "same     " else "DIFFERENT", old[[n]]$seconds, new[[n]]$seconds, n,
    if (length(error) > 0L) paste0(": ", gsub("\n", " ", error[[1L]])) else ""
  ))
}
cat("same results: ", sum(same), " passed, ", sum(!same), " failed\n", sep = "")
quit(status = as.integer(any(!same)))
