# One small valid call of every export, values that no argument takes, and what a call with one of them comes to.

# Objects that the calls take; made once, and read from a file by sessions that share them.
poison_objects <- function() {
  cells <- SimulateDifferentiation(n.cells = 120, n.genes = 30, n.futures = 0)
  cells <- EstimateVelocity(cells, verbose = FALSE)
  cells <- EmbedVelocity(cells, reduction = "latent", verbose = FALSE)
  cells <- FindMacrostates(cells, n.states = 3)
  cells <- tiny_fit(cells, reduction = "pca")
  cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
  early <- which(cells$day == 0)[1:10]
  cells <- PredictFate(cells, n.sim = 3, verbose = FALSE)
  cells <- FateDynamics(cells, cells = early, n.sim = 3, n.boot = 5, verbose = FALSE)
  cells <- CellCriticality(cells, cells = early, measure = "path", n.sim = 2, n.steps = 3, verbose = FALSE)
  cells <- DriftDiffusion(cells)
  cells$fate <- replace(as.character(cells$state), cells$state == "progenitor", NA)
  field <- SimulateTwoBranch(n.cells = 120, n.genes = 20)
  field <- EstimateVelocity(field, verbose = FALSE)
  field <- FitVelocityField(field, epochs = 3, encoder = 8L, latent = 4L, decoder = 8L, verbose = FALSE)
  folder <- tempfile("poison")
  dir.create(folder)
  SaveModel(GetModel(cells), file.path(folder, "model"))
  writeLines("set\tof genes\tGene1\tGene2\tGene3\tGene4", file.path(folder, "sets.gmt"))
  files <- c(h5ad = "", loom = "")
  if (requireNamespace("hdf5r", quietly = TRUE) && is.null(tryCatch(skip_without_hdf5(), condition = identity))) {
    files <- c(h5ad = h5ad_file(), loom = loom_file())
    file.copy(files, file.path(folder, names(files)))
  }
  list(
    cells = cells, field = field, early = early, late = which(cells$day == 3)[1:5], folder = folder,
    paths = SimulateCells(cells, cells = early, n.sim = 2, t.out = 0:3, verbose = FALSE)
  )
}

# name = list(verb, valid arguments). Several calls of one verb have other names.
poison_calls <- function(o) {
  cells <- o$cells
  field <- o$field
  early <- o$early
  states <- SeuratObject::Embeddings(cells, "pca")
  genes <- rownames(cells)
  field.genes <- GetModel(field)$dims
  quiet <- list(verbose = FALSE)
  ask <- c(list(cells, cells = early, n.sim = 2), quiet)
  x <- cbind(seq(0, 1, length.out = 24), 0)
  shape <- FieldOptions(epochs = 30, latent = 2, kl.weight = 0)
  engine <- methods::new(NeuralSDE, SDEOptions(drift.hidden = 4, diffusion.hidden = 4), 2, 1)
  network <- CoexpressionNetwork(cells, power = 2, n.modules = 2, min.size = 3, verbose = FALSE)
  calls <- list(
    AbsorptionProbabilities = list(cells), BinTime = list(cells, time = "pseudotime", n.bins = 3),
    CalibrateFates = list(cells, truth = "fate", group = "clone", n.boot = 5),
    CellCriticality = c(list(cells, cells = early, measure = "path", n.sim = 2, n.steps = 3), quiet),
    ClassifyTrajectories = list(o$paths, labels = "state", reference = cells, k = 5, n.boot = 5),
    CoexpressionNetwork = c(list(cells, power = 2, n.modules = 2, min.size = 3), quiet),
    CompareDynamics = list(cells, quantities = "pseudotime", group.by = "state", n.boot = 10), CompareNoise = ask,
    DefineFates = list(cells, labels = "state"), DoseResponse = c(ask, list(genes = genes[[1L]], doses = c(0, 1))),
    DriftDiffusion = list(cells, cells = early),
    EmbedVelocity = c(list(cells, reduction = "latent", terminal = FALSE), quiet),
    EnrichModules = list(network, terms = list(a = network$table$gene[1:5], b = network$table$gene[4:9]), min.term = 2),
    EstimateVelocity = c(list(cells), quiet), FateDynamics = c(ask, list(n.boot = 5)),
    fatefield_sitrep = list(measure = FALSE),
    FieldJacobian = list(field, from = field.genes[1:2], to = field.genes[1:2], cells = 1:10),
    FieldOptions = list(latent = 4), FindMacrostates = list(cells, n.states = 3),
    FindFateDrivers = c(list(cells, fate = "fateA", sources = "expression"), quiet),
    FitSDE = c(list(cells, time = "day", reduction = "pca", n.models = 1, updates = 2, drift.hidden = 4,
      diffusion.hidden = 4, batch.size = 8), quiet),
    FitVelocityField = c(list(field, field = "linear"), quiet),
    GeneDynamics = c(list(cells, quantities = "pseudotime", genes = genes[1:4], n.boot = 5), quiet),
    GeneSets = list(list(a = "g1", b = c("g2", "g3"))),
    GeneTrends = list(o$paths, cells = cells, genes = genes[1:2], labels = FALSE, n.boot = 5), GetModel = list(cells),
    GetResult = list(cells, what = "definition"),
    GrowthRates = list(cells, birth = genes[1:3], death = genes[4:6]),
    IntegrateCells = c(list(cells, cells = early), quiet),
    InterpolateTime = c(list(cells, t.out = 1, n.sim = 1), quiet),
    LatentEmbedding = list(field, labels = "branch", time = "time"),
    LoadModel = list(file.path(o$folder, "model")),
    LyapunovExponents = c(list(cells, cells = early, n.steps = 3), quiet),
    OTDistance = list(cells, group.by = "state", ident.1 = "fateA", ident.2 = "fateB"),
    OTPlan = list(cells, group.by = "state", ident.1 = "fateA", ident.2 = "fateB"),
    PerturbCells = c(ask, list(genes = genes[[1L]])), PlotCommitment = list(cells), PlotCriticality = list(cells),
    PlotDriftDiffusion = list(cells), PlotFate = list(cells), PlotPhase = list(cells, genes = genes[1:2]),
    PlotPotential = list(cells, n.grid = 5), PlotTraining = list(cells), PlotVelocity = list(cells),
    PredictFate = ask, ReadH5AD = c(list(file.path(o$folder, "h5ad")), quiet),
    ReadLoom = c(list(file.path(o$folder, "loom")), quiet),
    RetrogradeCells = c(list(cells, group.by = "state", ident = c("fateA", "fateB"), max.cells = 5), quiet),
    SDEOptions = list(dt = 0.1), SaveModel = list(GetModel(cells), file = file.path(o$folder, "new"), overwrite = TRUE),
    ScoreFate = list(cells, truth = "state", n.boot = 5),
    ScoreInterpolation = c(list(cells, t.out = 1, n.repeats = 2, n.cells = 20), quiet),
    ScoreVelocityField = c(list(field, fields = "linear", n.splits = 2, n.boot = 1), quiet),
    ScreenPerturbations = c(ask, list(genes = genes[1:2], n.null = 5)),
    SetModel = list(cells, model = GetModel(cells)), SimulateCells = ask,
    SimulateDifferentiation = list(n.cells = 50, n.genes = 20, n.futures = 0),
    SimulateTwoBranch = list(n.cells = 50, n.genes = 20), SinkhornOptions = list(blur = 0.1),
    SplitByClone = list(cells, clone = "clone", n.folds = 2), StemnessScore = list(cells, n.genes = 5),
    TrainOptions = list(updates = 2), TransitionMatrix = list(cells)
  )
  calls <- Map(function(verb, args) list(verb = get(verb), args = args), names(calls), calls)
  c(calls, list(
    "CompareNoise matrix" = list(verb = CompareNoise, args = c(list(states, model = GetModel(cells),
      labels = cells$state, cells = early, n.sim = 2), quiet)),
    "FitSDE matrix" = list(verb = FitSDE, args = c(list(states, time = cells$day, n.models = 1, updates = 2,
      drift.hidden = 4, batch.size = 8), quiet)),
    "FitVelocityField vae" = list(verb = FitVelocityField, args = c(list(field, epochs = 2, encoder = 8L, latent = 4L,
      decoder = 8L), quiet)),
    "FindFateDrivers screen" = list(verb = FindFateDrivers, args = c(list(cells, fate = "fateA", cells = early,
      n.sim = 2, n.top = 2), quiet)),
    "IntegrateCells field" = list(verb = IntegrateCells, args = c(list(field, cells = 1:5), quiet)),
    "OTDistance matrix" = list(verb = OTDistance, args = list(x, y = x + 1)),
    "OTPlan matrix" = list(verb = OTPlan, args = list(x, y = x + 1)),
    "PredictFate matrix" = list(verb = PredictFate, args = c(list(states, model = GetModel(cells),
      labels = cells$state, n.sim = 2), quiet)),
    "EstimateVelocity matrix" = list(verb = EstimateVelocity, args = c(list(layer_data(cells, "counts", "spliced"),
      layer_data(cells, "counts", "unspliced")), quiet)),
    "GetModel results" = list(verb = GetResult, args = list(cells)),
    "NeuralSDE new" = list(verb = function(options, dims, seed) methods::new(NeuralSDE, options, dims, seed),
      args = list(SDEOptions(), dims = 2, seed = 1)),
    "NeuralSDE drift" = list(verb = function(x, t) engine$drift(x, t), args = list(x, t = 0)),
    "NeuralSDE simulate" = list(
      verb = function(x0, times, n_sim, seed, first) engine$simulate(x0, times, n_sim, seed, first),
      args = list(x, times = c(0, 1), n_sim = 2, seed = 1, first = 0)),
    "SinkhornLoss value" = list(verb = function(x, y) methods::new(SinkhornLoss, SinkhornOptions())$value(x, y),
      args = list(x, y = x + 1)),
    "SinkhornLoss new" = list(verb = function(options) methods::new(SinkhornLoss, options),
      args = list(SinkhornOptions())),
    "VelocityVAE new" = list(verb = function(options, seed) methods::new(VelocityVAE, options, seed),
      args = list(FieldOptions(), seed = 1)),
    "VelocityVAE fit" = list(
      verb = function(x, y, options) methods::new(VelocityVAE, shape, 1)$fit(x, y, options),
      args = list(x, y = cbind(x[, 1]^2, -x[, 1]), options = list()))
  ))
}

poison_values <- list(
  "NULL" = NULL, "NA" = NA, "NaN" = NaN, "Inf" = Inf, "-1" = -1, "0" = 0, "1e300" = 1e300, "1e18" = 1e18, "half" = 0.5,
  "empty" = "", "no such" = "no such", "NA text" = NA_character_, "no text" = character(), "no numbers" = numeric(),
  "list" = list(), "named list" = list(a = 1), "function" = function(...) 1, "matrix" = matrix(1:6, 2),
  "factor" = factor(c("a", "b")), "TRUE" = TRUE, "FALSE" = FALSE, "flags" = c(TRUE, NA, FALSE), "texts" = c("a", "b"),
  "numbers" = c(1, NA, 1e300), "raw" = as.raw(1:3), "complex" = 1i, "formula" = y ~ x, "frame" = data.frame(a = 1:2),
  "date" = as.Date("2020-01-01"), "environment" = new.env()
)

# The formals of what is called: those of the method.
poison_formals <- function(call, name) {
  verb <- call$verb
  method <- NULL
  generic <- sub(" .*", "", name)
  for (class in c(class(call$args[[1L]]), "default")) {
    if (is.null(method)) method <- utils::getS3method(generic, class, optional = TRUE)
  }
  setdiff(names(formals(if (is.null(method)) verb else method)), "...")
}

# data.frame of call, argument and value. An argument that no call has is one of them.
poison_cases <- function(calls) {
  cases <- lapply(names(calls), function(name) {
    arguments <- c(poison_formals(calls[[name]], name), if (!grepl(" (new|drift|simulate|value|fit)$", name)) "no.such")
    expand.grid(value = names(poison_values), argument = arguments, call = name, stringsAsFactors = FALSE)
  })
  do.call(rbind, cases)
}

# What a call with one poisoned argument comes to: "value", "classed", "unnamed" (of a class, but the argument is not
# named), "changed" (the object is another than before), "unclassed"; with the message.
poison_try <- function(calls, case) {
  call <- calls[[case$call]]
  args <- call$args
  if (is.null(names(args))) names(args) <- rep("", length(args))
  formal <- poison_formals(call, case$call)
  names(args)[!nzchar(names(args))] <- setdiff(formal, names(args))[seq_len(sum(!nzchar(names(args))))]
  before <- rlang::hash(call$args)
  args[case$argument] <- list(poison_values[[case$value]])
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  found <- tryCatch(suppressWarnings(suppressMessages({
    out <- do.call(call$verb, args, quote = TRUE)
    if (inherits(out, "ggplot")) ggplot2::ggplot_build(out)
    utils::capture.output(print(out))
  })), error = identity)
  if (rlang::hash(call$args) != before) return(list(outcome = "changed", message = "", where = ""))
  if (!inherits(found, "error")) return(list(outcome = "value", message = "", where = ""))
  message <- conditionMessage(found)
  named <- inherits(found, "fatefield_error") &&
    (case$argument %in% found$argument || grepl(case$argument, message, fixed = TRUE))
  list(
    outcome = if (!inherits(found, "fatefield_error")) "unclassed" else if (named) "classed" else "unnamed",
    message = gsub("[\n\t]", " ", message),
    where = if (is.null(found$call)) "" else substr(paste(deparse(found$call), collapse = " "), 1L, 90L)
  )
}
