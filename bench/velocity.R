# RNA velocity: the pancreas, and many simulated cells, with time and memory beside the speed of copying.
#
#   Rscript bench/velocity.R [CELLS [GENES [THREADS [RESULTS.json]]]]     default: 100,000 x 2,000, all cores
#
# Cells are simulated by simulate_splicing(): genes switched on and off, Poisson counts of both kinds, about one entry in
# nine not 0. They are put in a Seurat object, as users have them. Memory is the peak of the whole process: R, the counts and
# the result, of which the velocities alone (genes x cells doubles) are most. Stages are timed one by one on matrices.
# The pancreas (3,696 cells x 2,000 genes) is passed over where the folder of data is absent.

suppressPackageStartupMessages(library(fatefield))

arguments <- as.list(commandArgs(trailingOnly = TRUE))
given <- function(i, default) if (length(arguments) >= i) arguments[[i]] else default
n <- as.integer(as.numeric(given(1L, 1e5)))
genes <- as.integer(given(2L, 2000L))
options(fatefield.threads = as.integer(given(3L, parallel::detectCores())))
core <- asNamespace("fatefield")
rows <- list()

status <- function(field) {
  line <- grep(paste0("^", field), readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024^2
}

timed <- function(name, expr, times = 1L) {
  gc()
  cat("5", file = "/proc/self/clear_refs")
  clock <- system.time(result <- expr)
  busy <- clock[["user.self"]] + clock[["sys.self"]]
  cat(sprintf("%-52s %8.2f s %8.2f s of processor %6.2f GB peak\n", name, clock[["elapsed"]], busy, status("VmHWM")))
  rows[[length(rows) + 1L]] <<- list(
    name = name, seconds = clock[["elapsed"]], processor = busy, gb = status("VmHWM")
  )
  invisible(result)
}

# Gigabytes a second of one thread's copies into new memory, read and written both counted: the best of five.
copied <- function() {
  from <- numeric(3e7) + 1
  seconds <- vapply(1:5, function(i) {
    clock <- system.time({
      to <- from
      to[[1L]] <- 0
    })
    clock[["user.self"]] + clock[["sys.self"]]
  }, 0)
  2 * 8 * 3e7 / min(seconds) / 1e9
}

bandwidth <- copied()
cat(core$thread_count(), "threads; copy", sprintf("%.1f GB/s", bandwidth), "on one\n\n")

stages <- function(label, spliced, unspliced) {
  timed(paste(label, "EstimateVelocity(), all of it"), EstimateVelocity(spliced, unspliced, nfeatures = 0, verbose = FALSE))
  all <- EstimateVelocity(spliced, unspliced, nfeatures = 0, mode = "deterministic", verbose = FALSE)
  index <- match(rownames(all$genes), rownames(spliced))
  how <- all$inputs$how
  threads <- core$thread_count()
  timed("  checks and sums", {
    core$check_counts(spliced, "spliced")
    core$check_counts(unspliced, "unspliced")
    core$count_totals(spliced, unspliced)
  })
  scores <- timed(
    "  30 principal components",
    core$velocity_components(spliced, how$spliced.size, index, 30, threads)$scores
  )
  timed("  29 neighbours of each cell", core$knn_self(scores, 29L, core$knn_defaults(), threads))
  options <- core$velocity_defaults()
  allowed <- rep(TRUE, length(index))
  rm(all)
  fit <- timed("  moments and the stochastic fit", core$fit_steady_state(
    spliced, unspliced, how, index, NULL, allowed, dimnames(spliced[index, ]), TRUE, FALSE, options, threads
  ))
  timed("  confidence", core$cell_confidence(fit$velocity, which(fit$velocity_genes), how$neighbours, threads))
  # At least the counts are read, and the velocities written, once.
  bytes <- 12 * (length(spliced@x) + length(unspliced@x)) + 8 * length(index) * ncol(spliced)
  cat(sprintf("  reading the counts and writing the velocities once would take %.2f s\n\n", bytes / bandwidth / 1e9))
}

# The dynamical mode: the published steps alone, and the fit to convergence.
kinetics <- function(label, spliced, unspliced) {
  for (parity in c(TRUE, FALSE)) {
    what <- paste(label, "dynamical,", if (parity) "published steps" else "to convergence")
    found <- timed(what, EstimateVelocity(spliced, unspliced, nfeatures = 0, mode = "dynamical", parity = parity, verbose = FALSE))
    fitted <- sum(found$genes$fit_status == "fitted")
    done <- rows[[length(rows)]]
    cat(sprintf("  %d genes; %.1f ms of processor for each\n\n", fitted, 1000 * done$processor / fitted))
  }
}

shared <- Sys.getenv("FATEFIELD_SHARED", "../shared")
pancreas_file <- file.path(shared, "data", "pancreas", "pancreas_3696cells_2000genes.rda")
if (file.exists(pancreas_file)) {
  load(pancreas_file)
  stages("pancreas,", pancreas$emat, pancreas$nmat)
  kinetics("pancreas,", pancreas$emat, pancreas$nmat)
}

label <- paste0(format(n, big.mark = ","), " x ", format(genes, big.mark = ","), ",")
cells <- timed(paste(label, "simulated"), core$simulate_splicing(n, genes))
stages(label, cells$spliced, cells$unspliced)

object <- SeuratObject::CreateSeuratObject(cells$spliced, assay = "spliced")
object[["unspliced"]] <- SeuratObject::CreateAssayObject(cells$unspliced)
rm(cells)
object <- timed(paste(label, "in a Seurat object"), EstimateVelocity(object, nfeatures = 0, verbose = FALSE))
print(utils::object.size(core$fetch_assay(object, "velocity")), units = "GB")

if (length(arguments) >= 4L) {
  lines <- vapply(rows, function(r) {
    sprintf(
      '{"name": "%s", "seconds": %.4g, "processor_seconds": %.4g, "gigabytes": %.4g}',
      trimws(r$name), r$seconds, r$processor, r$gb
    )
  }, "")
  writeLines(c(
    sprintf('{"benchmark": "velocity", "threads": %d, "copy": %.4g, "results": [', core$thread_count(), bandwidth),
    paste(lines, collapse = ",\n"), "]}"
  ), arguments[[4L]])
}
