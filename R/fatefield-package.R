#' fatefield: learn how single cells move and tell where each will go
#'
#' Cells come as a Seurat object, a SingleCellExperiment or a matrix; answers go back into the object, or come as a
#' result that prints, sums up and plots.
#'
#' @section Basic use:
#' ```r
#' cells <- FitSDE(cells, time = "day", reduction = "pca")
#' cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
#' cells <- PredictFate(cells)
#' PlotFate(cells)
#' ```
#' or, from spliced and unspliced counts,
#' ```r
#' cells <- EmbedVelocity(EstimateVelocity(cells), reduction = "umap")
#' PlotVelocity(cells, reduction = "umap")
#' ```
#'
#' @section Which function answers what:
#' *object*: the answer is stored in the object, which comes back; *result*: the answer is a result, see [results].
#'
#' | question | function | gives |
#' |---|---|---|
#' | How do I read my data? | [ReadH5AD()], [ReadLoom()] | object |
#' | I have no data yet | [SimulateDifferentiation()], [SimulateTwoBranch()] | object |
#' | I have a snapshot without times | [StemnessScore()], [BinTime()] | object |
#' | **Cells measured at several times** | | |
#' | How do cells move? | [FitSDE()] | object |
#' | What are the fates? | [DefineFates()] | object |
#' | Where will each cell go? | [PredictFate()], shown by [PlotFate()] | object |
#' | Is that right? | [ScoreFate()], on cells of other clones: [SplitByClone()] | result |
#' | Do probabilities come true as often as they say? | [CalibrateFates()] | object |
#' | What are the futures of this cell? | [SimulateCells()] | result |
#' | Which cells are there between two times? | [InterpolateTime()], [ScoreInterpolation()] | result |
#' | What drives a cell, how much is noise? | [DriftDiffusion()], [PlotDriftDiffusion()], [PlotPotential()] | object |
#' | When do cells commit? | [FateDynamics()], [PlotCommitment()] | object |
#' | Does the noise matter? | [CompareNoise()] | result |
#' | How fast do cells divide? | [GrowthRates()] | object |
#' | **Spliced and unspliced counts** | | |
#' | Where does each cell head? | [EstimateVelocity()], [EmbedVelocity()], [PlotVelocity()] | object |
#' | Does a gene's kinetics fit? | [PlotPhase()] | figure |
#' | Are there enough unspliced molecules? | [SplicingProportions()] | result |
#' | Which genes are changing in which cells? | [RankVelocityGenes()] | result |
#' | Does one rate of each gene do for all cells? | [DifferentialKinetics()] | result |
#' | How likely is each step? | [TransitionMatrix()] | matrix |
#' | Are the velocities right? | [ScoreVelocity()] | result |
#' | Which groups touch, and which way do cells cross? | [ConnectGroups()] | result |
#' | Where do walks begin and end? | [FindMacrostates()] | object |
#' | What are the fates, without times? | [AbsorptionProbabilities()], shown by [PlotFate()] | object |
#' | Which velocity has any state? | [FitVelocityField()], [ScoreVelocityField()] | object, result |
#' | Where do cells end, or come from? | [IntegrateCells()], [ClassifyTrajectories()], [RetrogradeCells()] | result |
#' | What does the model see? | [LatentEmbedding()], [FieldJacobian()] | object, result |
#' | How unstable is a cell? | [CellCriticality()], [PlotCriticality()], [LyapunovExponents()] | object |
#' | **What if** | | |
#' | What if a gene is changed? | [PerturbCells()], [DoseResponse()] | result |
#' | Which gene changes most? | [ScreenPerturbations()] | result |
#' | Which genes drive a fate? | [FindFateDrivers()] | result |
#' | **Genes** | | |
#' | How does a gene go along a fate? | [GeneTrends()] | result |
#' | Which genes go with drift, noise, criticality? | [GeneDynamics()], [CompareDynamics()] | result |
#' | Which genes go together, and what are they? | [CoexpressionNetwork()], [GeneSets()], [EnrichModules()] | result |
#' | **Help** | | |
#' | What is stored in the object? | [GetResult()], [GetModel()], [SetModel()] | result |
#' | How do I hand on an analysis? | [FateReport()] | file |
#' | How do I keep a model? | [SaveModel()], [LoadModel()] | file |
#' | What can be set? | [SDEOptions()], [TrainOptions()], [FieldOptions()], [SinkhornOptions()] | options |
#' | Why is it slow? | [fatefield_sitrep()] | result |
#' | The engine itself, for scripts | [NeuralSDE], [VelocityVAE], [SinkhornLoss], [OTDistance()], [OTPlan()] | |
#'
#' @section What an object remembers:
#' All that is derived remembers what it was derived from: the coordinates, counts or velocities by their values, the
#' cells, the model.
#' Renamed, reordered and subset cells are found again; where something else changed, a function stops with an error of
#' class `fatefield_error_stale` that says what changed and which call makes the answer anew.
#' Columns, assays and reductions of your own are never overwritten: `store.as` names what is stored.
#'
#' @keywords internal
#' @aliases fatefield
#' @importFrom Rcpp loadModule
#' @importFrom methods new show
#' @useDynLib fatefield, .registration = TRUE
"_PACKAGE"
