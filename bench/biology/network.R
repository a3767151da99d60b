# Networks along paths walked back in time, snapshots turned into times, and genes along simulated time, on real cells.
#
#   Rscript bench/biology/network.R [THREADS]
#
# Pancreas: retrograde networks of Beta and Alpha cells beside observed and smoothed cells, with terms of the Gene Ontology that were
# chosen before any result was seen. Mouse annotation is not packaged for Debian: mouse symbols in upper case are looked up among
# human ones. Needs the folder of real data, r-bioc-org.hs.eg.db and r-bioc-go.db. Tables and figures go to bench/out/network_*.

suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "..", "real_data.R"))
source(file.path(here, "claims.R"))
arguments <- commandArgs(TRUE)
if (length(arguments) > 0L) options(fatefield.threads = as.integer(arguments[[1L]]))

# What Beta and Alpha cells are known for.
network_terms <- c(
  "insulin secretion", "regulation of insulin secretion", "peptide hormone secretion", "hormone secretion", "hormone transport",
  "glucose homeostasis", "endocrine pancreas development", "regulation of hormone secretion", "peptide transport",
  "cellular response to glucose stimulus"
)

# Networks of the same genes and number of modules over observed, smoothed and walked-back cells of these types.
pancreas_networks <- function(object, model, types, n.modules = 5L) {
  x <- fatefield:::model_coordinates(object, model)
  of.type <- object$type %in% types
  pca <- SeuratObject::Embeddings(object, "pca")
  smoothed <- expm1(fatefield:::smoothed_cells(log1p(x), pca, 30L))
  walked <- timed(paste("RetrogradeCells,", paste(types, collapse = " and ")), RetrogradeCells(
    object, model, group.by = "type", ident = types, max.cells = 300, n.steps = 15, verbose = FALSE
  ))
  inputs <- list(
    observed = x[of.type, ], smoothed = smoothed[of.type, ],
    # Where the paths go: the same states of cells, smoothed, all along the lineage.
    lineage = smoothed[object$type %in% c("Ngn3 high EP", "Pre-endocrine", types), ],
    retrograde = walked,
    # As published: each state is replaced by the mean of the cells around.
    full.snap = RetrogradeCells(object, model, group.by = "type", ident = types, max.cells = 300, n.steps = 15, snap = "full",
      verbose = FALSE)
  )
  first <- lapply(inputs, CoexpressionNetwork, verbose = FALSE)
  genes <- Reduce(intersect, lapply(first, function(n) n$table$gene))
  networks <- timed("CoexpressionNetwork, five times", lapply(inputs, CoexpressionNetwork, genes = genes, n.modules = n.modules,
    verbose = FALSE))
  list(networks = networks, walked = walked)
}

# 739 cells of the same tissue with 7,192 genes, so that terms are larger.
read_pancreas_genes <- function() {
  found <- new.env()
  pancreas <- get(load(bench_data("pancreas", "pancreas_739cells_7192genes.rda"), found), found)
  object <- SeuratObject::CreateSeuratObject(pancreas$spliced, assay = "spliced")
  object[["unspliced"]] <- SeuratObject::CreateAssayObject(counts = pancreas$unspliced[rownames(object), colnames(object)])
  object$type <- pancreas$clusters
  with_reductions(object)
}

pancreas_retrograde <- function(object, sets, label, nfeatures = 2000) {
  object <- timed("EstimateVelocity, stochastic", EstimateVelocity(object, mode = "stochastic", nfeatures = nfeatures,
    verbose = FALSE))
  object <- timed("FitVelocityField", FitVelocityField(object, verbose = FALSE))
  model <- GetModel(object)
  for (types in list("Beta", "Alpha", c("Alpha", "Beta"))) {
    name <- paste(c(label, tolower(types)), collapse = "_")
    made <- pancreas_networks(object, model, types)
    print(made$walked)
    compared <- suppressWarnings(EnrichModules(made$networks, sets, among = network_terms, ignore.case = TRUE))
    show_table(compared$table, paste0("network_terms_", name), paste("Evidence by term,", name))
    show_table(summary(compared), paste0("network_summary_", name), paste("Delta against observed cells,", name))
    if (name == "3696_beta") {
      at <- summary(compared)[match("retrograde", summary(compared)$network), ]
      claim("network", "dv26", sprintf("log10 p of terms chosen before, retrograde beta paths less observed cells: median %.1f (%.1f to %.1f)",
        at$median, at$min, at$max), if (at$median >= 2) "reproduced" else "not reproduced")
    }
    best <- utils::head(EnrichModules(made$networks$retrograde, sets, ignore.case = TRUE), 8L)
    show_table(best[, c("module", "name", "overlap", "size", "term.size", "p", "q")], paste0("network_best_", name), "Best of all terms")
    show_table(made$networks$retrograde$modules, paste0("network_modules_", name), "Modules of the retrograde network")
    save_figure(plot(made$networks$retrograde), paste0("network_retrograde_", name), 8, 7)
    save_figure(plot(made$networks$observed), paste0("network_observed_", name), 8, 7)
  }
  object
}

# One snapshot as if it were a time course.
pancreas_snapshot <- function(object) {
  object <- EmbedVelocity(object, reduction = "umap", verbose = FALSE)
  object <- timed("StemnessScore", StemnessScore(object, assay = "spliced"))
  order <- as.integer(object$type)
  order[order > 4L] <- 5L
  scores <- data.frame(stemness = -object$stemness, velocity = object$velocity_pseudotime, n.genes = -object$nFeature_spliced)
  agreement <- vapply(scores, stats::cor, 0, y = order, method = "spearman")
  show_table(data.frame(spearman = agreement), "network_pseudotime", "Agreement of scores with the order of types (Spearman)")
  show_table(aggregate(scores, list(type = object$type), mean), "network_scores", "Mean score by type")
  rows <- lapply(c("stemness", "velocity_pseudotime"), function(time) {
    binned <- BinTime(object, time = time, n.bins = 8, reverse = time == "stemness")
    binned <- timed(paste("FitSDE on bins of", time), FitSDE(binned, time = "time_bin", reduction = "pca", dims = 1:15,
      updates = 300, verbose = FALSE))
    binned <- PredictFate(binned, labels = "type", fates = pancreas_types[5:8], n.sim = 50, verbose = FALSE)
    save_figure(PlotFate(binned, reduction = "umap"), paste0("network_fates_", time))
    p <- fatefield:::fetch_assay(binned, "fates")
    pre <- rowMeans(p[, binned$type == "Pre-endocrine"])
    ends <- vapply(pancreas_types[5:8], function(f) mean(binned$fate[binned$type == f] == f), 0)
    data.frame(time = time, what = c("share of Pre-endocrine", "own cells called so"), rbind(pre, ends), check.names = FALSE)
  })
  table <- do.call(rbind, rows)
  show_table(table, "network_fates", "Fates of a snapshot")
  own <- rowMeans(table[table$what == "own cells called so", pancreas_types[5:8]])
  claim("network", "sd15", paste0("of cells of the four ends, the share called so from bins of ", paste(
    c("stemness", "velocity pseudotime"), sprintf("%.0f %%", 100 * own), collapse = ", of ")),
  if (all(own > 0.5)) "reproduced" else "not reproduced")
}

# The path in the latent space of the field beside that in expression.
pancreas_latent <- function(object) {
  scores <- as.data.frame(GetResult(timed("LatentEmbedding", LatentEmbedding(object, labels = "type")), "latent"))
  rownames(scores) <- scores$space
  show_table(scores, "network_latent", "Latent space and expression: separation of types, coherence of velocities, order in time")
  numbers <- scores[vapply(scores, is.numeric, TRUE)]
  gain <- unlist(numbers["latent", ]) - unlist(numbers["expression", ])
  gain <- gain[is.finite(gain)]
  claim("network", "dv11", paste0("latent less expression: ", paste(names(gain), sprintf("%+.2f", gain), collapse = ", ")),
    if (all(gain > 0.05)) "reproduced" else "not reproduced")
}

larry_trends <- function() {
  cells <- read_larry_genes()
  cells <- timed("FitSDE, LARRY of 781 cells", FitSDE(cells, time = "day", reduction = "pcs", updates = 400, verbose = FALSE))
  days <- sort(unique(cells$day))
  futures <- SimulateCells(cells, n.sim = 20, t.out = seq(days[[1L]], days[[3L]], 0.1), verbose = FALSE)
  genes <- intersect(c("Gata1", "Gata2", "Cebpe", "Elane", "Mpo", "Irf8", "Csf1r", "Gfi1", "Klf4"), rownames(cells))
  for (method in c("linear", "nearest")) {
    trends <- timed(paste("GeneTrends,", method), GeneTrends(futures, cells, genes, labels = "state_info", time = "day",
      reference = cells$day == days[[3L]], method = method))
    show_table(trends$genes, paste0("network_genes_", method), "What states explain of genes")
    shown <- utils::head(trends$fates$fate[order(-trends$fates$paths)], 4L)
    save_figure(plot(trends, fates = shown), paste0("network_trends_", method), 10, 7)
    last <- trends$table[trends$table$time == max(trends$table$time) & trends$table$fate %in% shown, ]
    means <- trends$observed$means[trends$observed$means$time == days[[3L]], ]
    seen <- means$mean[match(paste(last$fate, last$gene), paste(means$label, means$gene))]
    show_table(data.frame(last[c("fate", "gene", "mean", "mean_low", "mean_high")], observed = seen), paste0("network_last_", method),
      "Means at the last day, and those of observed cells of that fate")
    message("Correlation of simulated and observed means: ", round(stats::cor(last$mean, seen), 3))
  }
}

sets <- timed("GeneSets", GeneSets("org.Hs.eg.db"))
pancreas <- pancreas_retrograde(read_pancreas(), sets, "3696")
pancreas_retrograde(read_pancreas_genes(), sets, "739", nfeatures = 5000)
pancreas_snapshot(pancreas)
pancreas_latent(pancreas)
larry_trends()
