#' What fatefield runs on, and what slows it down
#'
#' Reports the versions and paths of LibTorch, HDF5 and the BLAS, the threads in use, the measured
#' speed of the matrix product, and the versions of R and of the packages whose objects are taken.
#' Says in words what is slow or dangerous and how to mend it.
#' Please add it to a report of a problem.
#'
#' @section Basic use:
#' ```r
#' fatefield_sitrep()
#' ```
#' @param measure Measure the speed of the matrix product, which takes about half a second.
#'
#' @details
#' The speed is that of a product of two matrices of floats, 512 x 512, on one thread and on all
#' threads of `options(fatefield.threads = )`; where that option is not set, all cores that this
#' process may use.
#' A modern core gives 30 to 150 GFLOP/s with OpenBLAS or MKL, and 1 to 5 with the reference BLAS.
#'
#' @return
#' A list of class `fatefield_sitrep` with the elements
#' \describe{
#'   \item{libraries}{data.frame of `library`, `version` and `path`.}
#'   \item{packages}{data.frame of `package` and `version`; `NA` for one that is not installed.}
#'   \item{blas}{The kind of BLAS, and how it runs in parallel (`""` if it does not tell).}
#'   \item{threads}{Threads that fatefield uses.}
#'   \item{cuda}{List: `built`, whether LibTorch has CUDA, and `devices`, the GPUs it sees.}
#'   \item{gflops}{Speed in GFLOP/s, named `one` and `all`; `NA` where not measured.}
#'   \item{other_torch}{Paths of other copies of LibTorch in this process.}
#'   \item{advice}{Character vector: what to mend, empty when all is well.}
#' }
#' It is printed as a page of text.
#'
#' @examples
#' fatefield_sitrep()
#' @export
fatefield_sitrep <- function(measure = TRUE) {
  check_flag(measure, "measure")
  found <- core_libraries()
  threads <- thread_count()
  gflops <- c(one = NA_real_, all = NA_real_)
  if (measure) {
    gflops[["one"]] <- sgemm_gflops(1L)
    gflops[["all"]] <- if (threads > 1L) sgemm_gflops(threads) else gflops[["one"]]
  }
  report <- list(
    libraries = data.frame(
      library = c("LibTorch", "HDF5", "BLAS"),
      version = c(found$torch[["version"]], found$hdf5[["version"]], found$blas[["version"]]),
      path = c(found$torch[["path"]], found$hdf5[["path"]], found$blas[["path"]])
    ),
    packages = package_versions(),
    blas = c(kind = blas_kind(found$blas[["path"]]), threading = found$blas_threading),
    threads = threads,
    cuda = cuda_state(),
    gflops = gflops,
    other_torch = setdiff(mapped_torch(), found$torch[["path"]])
  )
  report$advice <- sitrep_advice(report)
  structure(report, class = "fatefield_sitrep")
}

package_versions <- function() {
  names <- c("fatefield", "SeuratObject", "Seurat", "SingleCellExperiment", "torch")
  version <- function(name) {
    if (nzchar(system.file(package = name))) format(utils::packageVersion(name)) else NA_character_
  }
  data.frame(
    package = c("R", names),
    version = c(format(getRversion()), vapply(names, version, "", USE.NAMES = FALSE))
  )
}

# The kind of BLAS, told from the file it comes from.
blas_kind <- function(path) {
  file <- tolower(path)
  kinds <- c(
    OpenBLAS = "openblas", MKL = "mkl|libtorch", BLIS = "blis", ATLAS = "atlas",
    Accelerate = "accelerate|veclib", reference = "librblas|/libblas\\.so"
  )
  for (kind in names(kinds)) {
    if (grepl(kinds[[kind]], file)) {
      return(kind)
    }
  }
  "unknown"
}

# All copies of LibTorch in this process, where the system tells.
mapped_torch <- function(maps = "/proc/self/maps") {
  if (!file.exists(maps)) {
    return(character())
  }
  lines <- grep("libtorch_cpu[^/]*$", readLines(maps, warn = FALSE), value = TRUE)
  unique(normalizePath(sub("^[^/]*", "", lines), mustWork = FALSE))
}

# What to mend, from a report without advice.
sitrep_advice <- function(report) {
  one <- report$gflops[["one"]]
  all <- report$gflops[["all"]]
  c(
    if (report$blas[["kind"]] == "reference" || isTRUE(one < 6)) advice_slow_blas(report),
    if (identical(report$blas[["threading"]], "pthreads")) {
      paste0(
        "OpenBLAS runs threads of its own (pthreads), which fight those of OpenMP that LibTorch ",
        "uses. Install the OpenMP build: `sudo apt-get install libopenblas0-openmp` and choose it ",
        "with `sudo update-alternatives --config libblas.so.3-$(gcc -dumpmachine)`; ",
        "conda: `conda install \"libopenblas=*=openmp*\"`."
      )
    },
    if (isTRUE(report$threads > 1L && all < 0.5 * report$threads * one)) {
      paste0(
        "Threads add little: ", round(all), " GFLOP/s on ", report$threads, " threads, ", round(one),
        " on one. Other work may hold the cores: start R with OMP_WAIT_POLICY=passive, so that ",
        "waiting threads sleep, or set `options(fatefield.threads = 1)`."
      )
    },
    if (length(report$other_torch) > 0L) {
      paste0(
        "Another LibTorch is loaded in this process (", paste(report$other_torch, collapse = ", "),
        "); two copies can crash R. Install fatefield again with the R package torch present, so ",
        "that both use one copy, or do not load both in a session."
      )
    },
    if (!nzchar(report$libraries$version[report$libraries$library == "HDF5"])) {
      paste0(
        "Built without HDF5: files such as .h5ad cannot be read. Install it (Debian/Ubuntu: ",
        "`sudo apt-get install libhdf5-dev`), then fatefield again."
      )
    }
  )
}

advice_slow_blas <- function(report) {
  speed <- report$gflops[["one"]]
  measured <- if (is.na(speed)) "" else paste0(" (", format(speed, digits = 2L), " GFLOP/s)")
  paste0(
    "The BLAS in use is slow", measured, "; training may take thirty times as long. ",
    "Debian/Ubuntu: `sudo apt-get install libopenblas0-openmp`; Fedora: ",
    "`sudo dnf install openblas-openmp`; conda: `conda install \"libblas=*=*openblas\"`. ",
    "Then start R again."
  )
}

gpu_words <- function(cuda) {
  if (!cuda$built) {
    return("none: LibTorch was built without CUDA")
  }
  if (cuda$devices == 0L) "none is seen" else paste0(cuda$devices, ', take with device = "cuda"')
}

#' @export
print.fatefield_sitrep <- function(x, ...) {
  known <- function(text) ifelse(is.na(text) | !nzchar(text), "none", text)
  lines <- function(names, values) paste0("  ", format(names), "  ", values, collapse = "\n")
  libraries <- trimws(paste(known(x$libraries$version), x$libraries$path, sep = "  "))
  threading <- if (nzchar(x$blas[["threading"]])) paste0(", ", x$blas[["threading"]]) else ""
  speed <- if (anyNA(x$gflops)) "not measured" else paste(round(x$gflops), c("on one", "on all"))
  cat("Libraries\n", lines(x$libraries$library, libraries), "\n", sep = "")
  cat("Packages\n", lines(x$packages$package, known(x$packages$version)), "\n", sep = "")
  cat("Speed\n", lines(
    c("BLAS", "threads", "GFLOP/s", "GPU"),
    c(paste0(x$blas[["kind"]], threading), x$threads, paste(speed, collapse = ", "), gpu_words(x$cuda))
  ), "\n", sep = "")
  if (length(x$advice) == 0L) {
    cat("All is well.\n")
  } else {
    cat("To mend\n")
    cat(strwrap(x$advice, indent = 2L, exdent = 4L), sep = "\n")
  }
  invisible(x)
}
