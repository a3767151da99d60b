# Usage: Rscript tools/fuzz-files.R FIRST LAST SEED FOLDER, see tools/fuzz-files.sh. Writes into FOLDER: `now`, the file
# that is read; `state`, its number; `log`, a line for each: object, classed, unclassed or slow, with the damage.
args <- commandArgs(TRUE)
range <- as.integer(args[1:2])
seed <- as.integer(args[[3L]])
folder <- args[[4L]]
suppressMessages(library(fatefield))
slow <- 15
# Of this process and its children: a busy machine makes no file slow.
processor_seconds <- function() sum(proc.time()[c(1L, 2L, 4L, 5L)])

writers <- new.env(parent = asNamespace("fatefield"))
for (file in c("helper-h5ad.R", "helper-loom.R")) sys.source(file.path("tests/testthat", file), writers)

# The whole files, by kind of reader.
sources <- local({
  rich <- function(file) {
    cells <- length(writers$h5ad_cells)
    obsm <- writers$h5ad_group(file, "obsm")
    writers$h5ad_put(obsm, "X_pca", matrix(stats::rnorm(2 * cells), 2L), "encoding-type" = "array")
    layers <- writers$h5ad_group(file, "layers")
    writers$h5ad_put_matrix(layers, "spliced", writers$h5ad_counts())
    obsp <- writers$h5ad_group(file, "obsp")
    writers$h5ad_put_matrix(obsp, "connectivities", Matrix::Diagonal(cells))
  }
  packed <- function(file) {
    at <- file[["layers"]]
    at$create_dataset("spliced", robj = t(writers$loom_counts()), chunk_dims = c(2, 3), gzip_level = 4)
  }
  h5ad <- function(...) list(path = writers$h5ad_file(...), read = ReadH5AD)
  loom <- function(...) list(path = writers$loom_file(...), read = ReadLoom)
  set.seed(1)
  list(
    h5ad(), h5ad("csc"), h5ad("dense"), h5ad(encoding = "0.7"), h5ad("csr-0.6"), h5ad(more = rich), loom(),
    loom(layers = list(), more = packed)
  )
})
bytes <- lapply(sources, function(source) readBin(source$path, "raw", file.size(source$path)))

random_bytes <- function(n) as.raw(sample.int(256L, n, replace = TRUE) - 1L)
block <- function(x, most = 64L) {
  first <- sample.int(length(x), 1L)
  first:min(length(x), first + sample.int(most, 1L) - 1L)
}
# Where HDF5 keeps structures; damage of values alone is seldom of interest.
marks <- function(x) {
  found <- unlist(lapply(c("HEAP", "TREE", "SNOD", "GCOL"), grepRaw, x, fixed = TRUE, all = TRUE))
  if (length(found) == 0L) 1L else found
}
damages <- list(
  bytes = function(x) replace(x, sample.int(length(x), 4L), random_bytes(4L)),
  bits = function(x) {
    at <- sample.int(length(x), 2L)
    replace(x, at, xor(x[at], as.raw(2L^sample(0:7, 2L))))
  },
  cut = function(x) x[seq_len(sample.int(length(x) - 1L, 1L))],
  zero = function(x) replace(x, block(x, 512L), as.raw(0)),
  noise = function(x) {
    at <- block(x)
    replace(x, at, random_bytes(length(at)))
  },
  full = function(x) replace(x, block(x, 8L), as.raw(255)),
  moved = function(x) {
    to <- block(x)
    from <- (to + sample.int(length(x), 1L) - 1L) %% length(x) + 1L
    replace(x, to, x[from])
  },
  structure = function(x) {
    places <- marks(x)
    at <- pmin(length(x), places[[sample.int(length(places), 1L)]] + sample(0:47, 2L))
    replace(x, at, random_bytes(2L))
  }
)

# Most damaged files have the contents of the whole one: of these Seurat makes its objects once.
namespace <- asNamespace("fatefield")
for (name in c("new_seurat", "add_file_assay")) {
  local({
    make <- get(name, namespace)
    seen <- list()
    remembering <- function(...) {
      key <- rlang::hash(list(...))
      if (is.null(seen[[key]])) seen[[key]] <<- list(make(...))
      seen[[key]][[1L]]
    }
    unlockBinding(name, namespace)
    assign(name, remembering, namespace)
  })
}

log <- file(file.path(folder, "log"), "a")
now <- file.path(folder, "now")
for (i in seq(range[[1L]], range[[2L]])) {
  set.seed(seed * 1e6 + i)
  kind <- (i - 1L) %% length(sources) + 1L
  damage <- sample(names(damages), 1L)
  writeBin(damages[[damage]](bytes[[kind]]), now)
  writeLines(as.character(i), file.path(folder, "state"))
  began <- processor_seconds()
  result <- tryCatch(suppressWarnings(suppressMessages(sources[[kind]]$read(now))), error = identity)
  seconds <- processor_seconds() - began
  outcome <- if (seconds > slow) "slow" else if (inherits(result, "Seurat")) "object" else
    if (inherits(result, "fatefield_error")) "classed" else "unclassed"
  if (outcome %in% c("slow", "unclassed")) file.copy(now, paste0(folder, "/", outcome, "-", seed, "-", i), TRUE)
  message <- if (inherits(result, "error")) gsub("\n", " ", conditionMessage(result))
  cat(outcome, i, kind, damage, round(seconds, 3), message, "\n", file = log)
  flush(log)
}
close(log)
