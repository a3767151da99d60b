# RNA velocities as arrows in a reduction, and where they begin and end. Takes what EstimateVelocity()
# gives; gives a graph of cells, arrows, and scores per cell.

#' Embed RNA velocities: arrows, roots, end points, pseudotime
#'
#' For each cell the steps to its neighbours and to their neighbours are correlated with its velocity,
#' gene by gene: the velocity graph.
#' From it follow probabilities of steps, the mean direction of each cell in a reduction, the cells
#' where walks by these steps begin and end, and a pseudotime between them.
#'
#' @details
#' The graph holds Pearson's correlations, over the velocity genes, of `Ms[, j] - Ms[, i]` with the
#' velocity of cell `i`; of their signed square roots where velocities are of the stochastic mode.
#' Steps have the probabilities that [TransitionMatrix()] describes.
#'
#' An arrow is the mean over the steps of a cell of unit vectors in the reduction, weighted by the
#' probabilities of the steps (negative against the velocity) less their mean, so that dense regions do
#' not attract.
#' Its length, at most 1, tells how much the steps agree; it has no unit of time.
#' Arrows depend on the reduction and say nothing that the graph does not.
#'
#' End points are cells where a walk stays: a sum over the left eigenvectors of the transition matrix
#' with eigenvalues within 0.001 of 1, smoothed over neighbours and scaled to `[0, 1]`.
#' Roots are the same for steps taken backward.
#' The pseudotime is the diffusion distance along the graph from the root, averaged with 1 less that
#' from the end point, in each part of the graph that hangs together.
#'
#' Velocities of the dynamical mode give a latent time too, the one that all genes share: times of cells by the genes of
#' a likelihood of at least `min.likelihood` and an r2 above `min.r2` are counted from a root, cells before it coming
#' last; of the quantiles 0.15, 0.2, ..., 0.35 over the genes the two that spread cells most evenly are added.
#' This is averaged over up to four roots (those of the least time in total among cells with a root score above 0.999,
#' or among `root` and its neighbours), and over neighbours, as far as they agree with theirs.
#'
#' A graph that the object holds already, of the same velocities and options, is used again, so that
#' another reduction costs little.
#'
#' @param object A Seurat object or SingleCellExperiment that [EstimateVelocity()] has seen, a result
#'   of [EstimateVelocity()], or a matrix of velocities (genes x cells).
#' @param reduction Name of the reduction to draw arrows in; `NULL` takes `umap`, else `tsne`, else the
#'   first.
#' @param dims Dimensions of the reduction; `NULL` takes all.
#' @param embedding Matrix of coordinates (cells x dims).
#' @param expression,knn For a matrix of velocities: the smoothed expression `Ms` (genes x cells, the
#'   same genes and cells), and the nearest cells of each cell, a matrix of their numbers (cells x
#'   neighbours, without the cell itself) or `list(index, distance)`.
#' @param genes Genes to correlate; `NULL` takes the velocity genes.
#' @param root A cell, by name or number, where the pseudotime begins; `NULL` takes the cell with the
#'   highest root score of each part of the graph.
#' @param sqrt.transform Correlate signed square roots?
#'   `NULL` does so for velocities of the stochastic mode.
#' @param max.neighbors Cells considered for each cell, at most: its neighbours, and of their neighbours
#'   a random choice.
#'   `NULL` takes all up to 50,000 cells, and 100 beyond.
#' @param scale Correlations are multiplied by this before they are exponentiated; default
#'   `r doc_default("transition", "scale")`.
#' @param self.transitions Let cells stay whose velocity points at no neighbour?
#'   Default `TRUE`; matters for the confidence alone.
#' @param terminal Find roots, end points and pseudotime too? Default `TRUE`.
#' @param seed.use Seed of the random choice of neighbours.
#' @param name Name of the velocities in the object; `NULL` takes those estimated last.
#' @param reduction.name Name of the reduction of arrows; `NULL` makes it of `name` and `reduction`, as
#'   in `velocity_umap`.
#' @param threads Threads to use; `NULL` takes all, see [fatefield_sitrep()].
#' @param verbose Tell what is found?
#' @param ... More options: `r doc_option("terminal", "tolerance")`, `r doc_option("terminal", "count")`,
#'   `r doc_option("terminal", "low")` and `r doc_option("terminal", "high")` of roots and end points (distance
#'   of eigenvalues from 1, their number, quantiles to cut off at); `r doc_option("pseudotime", "components")`
#'   of the diffusion map; `r doc_option("terminal", "max.restarts")` of the search for eigenvectors;
#'   `r doc_option("latent.time", "min.likelihood")` and `r doc_option("latent.time", "min.r2")` of the genes,
#'   `r doc_option("latent.time", "roots")` at most and `r doc_option("latent.time", "min.agreement")` of cells
#'   with their neighbours (squared, 1 less the difference), of the latent time.
#'
#' @return
#' For matrices and results a list of class `fatefield_arrows`:
#'   \item{arrows}{Matrix, cells x dims; 0 for cells without a velocity.}
#'   \item{graph}{dgCMatrix, cells x cells, correlations; rows are the cells that steps start from.}
#'   \item{cells}{data.frame, one row per cell: `velocity_confidence_transition`, the correlation of
#'     the velocity with the expected step; `root_cells`, `end_points` and `velocity_pseudotime`, all
#'     from 0 to 1; `NA` for cells apart from all others.
#'     For velocities of the dynamical mode also `latent_time`, from 0 to 1.}
#'   \item{root,end}{Names of the cells where the pseudotime begins and ends, one for each part.}
#' For an object the object with the arrows as a reduction, the columns of `cells` in its cell data,
#' and the graph: as a graph `velocity_graph` of a Seurat object, else with the results of the package.
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocities, other cells than those the velocities
#' are of, fewer than 2 genes with velocities, velocities that are the same in all genes, no such reduction or cell.
#' @references
#' La Manno et al. (2018) RNA velocity of single cells. Nature 560.
#'
#' Bergen et al. (2020) Generalizing RNA velocity to transient cell states through dynamical
#' modeling. Nature Biotechnology 38.
#'
#' Haghverdi et al. (2016) Diffusion pseudotime robustly reconstructs lineage branching. Nature
#' Methods 13.
#' @seealso [PlotVelocity()], [TransitionMatrix()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- EmbedVelocity(cells, reduction = "latent")
#' summary(cells$velocity_pseudotime)
#' @export
EmbedVelocity <- function(object, ...) UseMethod("EmbedVelocity")

#' @rdname EmbedVelocity
#' @export
EmbedVelocity.default <- function(object, embedding, expression = NULL, knn = NULL, genes = NULL,
                                  root = NULL, sqrt.transform = NULL, max.neighbors = NULL,
                                  scale = NULL, self.transitions = TRUE, terminal = TRUE,
                                  seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  if (missing(embedding)) {
    stop_input("embedding", "`embedding` is needed: a matrix of coordinates, cells x dims.")
  }
  field <- velocity_field_of(object, expression, knn, genes)
  options <- embed_options(field, sqrt.transform, max.neighbors, scale, self.transitions, terminal,
    seed.use, verbose, ...)
  embedding <- check_matrix(embedding, "embedding")
  check_same_cells(embedding, colnames(field$velocity))
  root <- check_root(root, colnames(field$velocity))
  graph <- field_graph(field, options)
  parts <- field_scores(field, graph, options, root, verbose)
  new_arrows(graph, arrows_in(graph, embedding, options), parts)
}

#' @rdname EmbedVelocity
#' @export
EmbedVelocity.Seurat <- function(object, reduction = NULL, dims = NULL, genes = NULL, root = NULL,
                                 sqrt.transform = NULL, max.neighbors = NULL, scale = NULL,
                                 self.transitions = TRUE, terminal = TRUE, seed.use = 42L,
                                 name = NULL, reduction.name = NULL, threads = NULL,
                                 verbose = TRUE, ...) {
  local_threads(threads)
  object <- embed_in_object(object, reduction, dims, genes, root, sqrt.transform, max.neighbors,
    scale, self.transitions, terminal, seed.use, name, reduction.name, verbose, ...)
  log_command(object, "EmbedVelocity", list(
    reduction = reduction, dims = dims, genes = genes, root = root, sqrt.transform = sqrt.transform,
    max.neighbors = max.neighbors, scale = scale, self.transitions = self.transitions,
    terminal = terminal, seed.use = seed.use, name = name, reduction.name = reduction.name
  ))
}

#' @rdname EmbedVelocity
#' @export
EmbedVelocity.SingleCellExperiment <- function(object, reduction = NULL, dims = NULL, genes = NULL,
                                               root = NULL, sqrt.transform = NULL,
                                               max.neighbors = NULL, scale = NULL,
                                               self.transitions = TRUE, terminal = TRUE,
                                               seed.use = 42L, name = NULL, reduction.name = NULL,
                                               threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  embed_in_object(object, reduction, dims, genes, root, sqrt.transform, max.neighbors, scale,
    self.transitions, terminal, seed.use, name, reduction.name, verbose, ...)
}

embed_in_object <- function(object, reduction, dims, genes, root, sqrt.transform, max.neighbors,
                            scale, self.transitions, terminal, seed.use, name, reduction.name,
                            verbose, ...) {
  name <- velocity_name(object, name)
  reduction <- choose_reduction(object, reduction, prefer = c("umap", "tsne", "latent", "pca"))
  if (is.null(reduction.name)) reduction.name <- paste0(name, "_", reduction)
  check_string(reduction.name, "reduction.name")
  coordinates <- embedding(object, reduction, dims)
  root <- check_root(root, cell_names(object))
  field <- velocity_field_of(fetch_velocity(object, name), NULL, NULL, genes)
  options <- embed_options(field, sqrt.transform, max.neighbors, scale, self.transitions, terminal,
    seed.use, verbose, ...)
  graph <- stored_graph(object, name, options$graph, field)
  if (is.null(graph)) {
    graph <- field_graph(field, options)
    object <- store_graph(object, graph, name, options$graph, field)
  } else if (verbose) {
    message("The velocity graph of the object is used again.")
  }
  parts <- field_scores(field, graph, options, root, verbose)
  object <- store_reduction(object, arrows_in(graph, coordinates, options), reduction.name,
    key = gsub("_", "", reduction.name))
  names(parts$cells) <- sub("^velocity", name, names(parts$cells))
  store_cells(object, parts$cells)
}

# What the graph is made of: list(velocity, expression (genes x cells), knn, mode); for fitted kinetics `kinetics`, what
# latent time is made of.
velocity_field_of <- function(object, expression, knn, genes) {
  if (inherits(object, "fatefield_velocity")) {
    genes <- if (is.null(genes)) {
      rownames(object$genes)[which(object$genes$velocity_genes)]
    } else {
      check_velocity_genes(genes, rownames(object$velocity))
    }
    if (length(genes) < 2L) {
      stop_input("genes", "`genes`: ", length(genes), " gene", if (length(genes) != 1L) "s",
        " are velocity genes; at least 2 are needed. Name some, or estimate velocities of more.")
    }
    return(list(
      velocity = object$velocity[genes, , drop = FALSE],
      expression = velocity_moments(object, genes)$Ms, knn = object$knn, mode = object$mode,
      kinetics = if (!is.null(object$fit_t)) {
        list(t = object$fit_t, genes = object$genes[rownames(object$fit_t), ], how = object$inputs$how)
      }
    ))
  }
  velocity <- gene_matrix(object, "object")
  for (part in c("expression", "knn")) {
    if (is.null(get(part))) {
      stop_input(part, "`", part, "` is needed beside a matrix of velocities; or give the result of ",
        "EstimateVelocity(), which holds it.")
    }
  }
  expression <- gene_matrix(expression, "expression")
  if (!identical(dim(expression), dim(velocity))) {
    stop_input("expression", "`expression` is ", nrow(expression), " x ", ncol(expression),
      ", the velocities are ", nrow(velocity), " x ", ncol(velocity), ".")
  }
  if (is.null(colnames(velocity))) colnames(velocity) <- as.character(seq_len(ncol(velocity)))
  if (!is.null(genes)) {
    genes <- check_velocity_genes(genes, rownames(velocity))
    velocity <- velocity[genes, , drop = FALSE]
    expression <- expression[genes, , drop = FALSE]
  }
  knn <- if (is.list(knn)) knn else list(index = knn, distance = array(0, dim(knn)))
  list(
    velocity = velocity, expression = expression,
    knn = list_neighbours(knn, colnames(velocity))$knn, mode = "given"
  )
}

gene_matrix <- function(x, argument) {
  x <- plain_matrix(x, argument, rows = "gene")
  if (nrow(x) < 2L || ncol(x) < 2L) {
    stop_input(argument, "`", argument, "` must have at least 2 genes and 2 cells, not ", nrow(x),
      " x ", ncol(x), ".")
  }
  x
}

check_velocity_genes <- function(genes, present) {
  if (!is.character(genes) || anyNA(genes) || length(genes) < 2L) {
    stop_input("genes", "`genes` must be names of at least 2 genes, not ", described(genes), ".")
  }
  lost <- setdiff(genes, present)
  if (length(lost) > 0L) {
    stop_input("genes", "`genes`: ", length(lost), " of ", length(genes), " have no velocities, the ",
      "first is ", quoted(lost[[1L]]), ".", near(lost[[1L]], present))
  }
  unique(genes)
}

check_same_cells <- function(embedding, cells) {
  if (nrow(embedding) != length(cells)) {
    stop_input("embedding", "`embedding` has ", nrow(embedding), " rows, but there are ",
      length(cells), " cells.")
  }
  given <- rownames(embedding)
  if (!is.null(given) && !identical(given, cells) && setequal(given, cells)) {
    stop_input("embedding", "`embedding` has the cells in another order than the velocities.")
  }
}

# The number of the root among the cells, 0 for none given.
check_root <- function(root, cells) {
  if (is.null(root)) {
    return(0L)
  }
  if (length(root) != 1L) {
    stop_input("root", "`root` must be one cell, not ", described(root), ".")
  }
  check_cells(root, cells, "root")
}

# Options of each step, checked by the core when it takes them.
embed_options <- function(field, sqrt.transform, max.neighbors, scale, self.transitions, terminal,
                          seed.use, verbose, ...) {
  check_flag(self.transitions, "self.transitions")
  check_flag(terminal, "terminal")
  check_flag(verbose, "verbose")
  if (is.null(sqrt.transform)) sqrt.transform <- field$mode == "stochastic"
  more <- merge_options(
    c(terminal_defaults(), pseudotime_defaults()["components"], latent_time_defaults()), list(...),
    argument = ""
  )
  list(
    graph = merge_options(velocity_graph_defaults(), list(
      max.neighbors = max.neighbors, sqrt.transform = check_flag(sqrt.transform, "sqrt.transform"),
      seed.use = seed_from(seed.use)
    )),
    steps = merge_options(transition_defaults(), list(scale = scale)),
    self.transitions = self.transitions, terminal = terminal,
    ends = more[names(terminal_defaults())], time = more[names(pseudotime_defaults())],
    latent = more[names(latent_time_defaults())]
  )
}

field_graph <- function(field, options) {
  graph <- velocity_correlations(
    field$expression, field$velocity, field$knn, options$graph, thread_count()
  )
  if (!any(graph@x != 0)) {
    stop_input("object", "No velocity can be compared with the steps to other cells: in each cell the ",
      nrow(field$velocity), " genes all have the same velocity, or the same expression in all near cells. Take other ",
      "`genes`, or estimate velocities from counts.")
  }
  dimnames(graph) <- list(colnames(field$velocity), colnames(field$velocity))
  graph
}

# Probabilities of steps by the options, with `...` in the place of some of them.
steps_of <- function(graph, options, ..., backward = FALSE) {
  step_probabilities(graph, merge_options(options$steps, list(...)), backward)
}

arrows_in <- function(graph, coordinates, options) {
  steps <- steps_of(graph, options, self.transitions = FALSE, negative = "signed")
  arrows <- velocity_arrows(steps, coordinates, thread_count())
  dimnames(arrows) <- list(rownames(graph), colnames(coordinates))
  arrows
}

# list(cells = data.frame of scores, root, end).
field_scores <- function(field, graph, options, root, verbose) {
  names <- rownames(graph)
  steps <- steps_of(graph, options, self.transitions = options$self.transitions)
  cells <- data.frame(
    velocity_confidence_transition = step_confidence(
      steps, field$expression, field$velocity, thread_count()
    ),
    row.names = names
  )
  if (!options$terminal) {
    return(list(cells = cells, root = character(), end = character()))
  }
  ends_of <- function(backward) {
    steps <- steps_of(graph, options, self.transitions = FALSE, backward = backward)
    step_ends(steps, field$knn, options$ends, thread_count())
  }
  begin <- ends_of(TRUE)
  end <- ends_of(FALSE)
  time <- graph_pseudotime(graph, begin$score, end$score, root, options$time, thread_count())
  cells$root_cells <- begin$score
  cells$end_points <- end$score
  cells$velocity_pseudotime <- ifelse(is.nan(time$time), NA_real_, time$time)
  if (!is.null(field$kinetics)) {
    cells$latent_time <- field_latent_time(field$kinetics, begin$score, root, options$latent, verbose)
  }
  say_terminal(begin, end, time, cells, verbose)
  list(cells = cells, root = names[time$root], end = names[time$end])
}

# One number per cell; NA where too few genes are fitted well.
field_latent_time <- function(kinetics, score, root, options, verbose) {
  found <- cell_latent_time(
    kinetics$t, kinetics$genes$fit_likelihood, kinetics$genes$fit_r2, score, root, kinetics$how, options,
    thread_count()
  )
  if (length(found$time) == 0L) {
    rlang::warn(
      paste0(
        "There is no latent time: ", found$genes, " genes have a likelihood of at least ", options$min.likelihood,
        " and an r2 above ", options$min.r2, ", and 2 are needed. Lower `min.likelihood`."
      ),
      class = "fatefield_warning_latent_time"
    )
    return(rep(NA_real_, length(score)))
  }
  if (verbose) {
    message("Latent time: from ", found$genes, " genes and ", length(found$root), " root",
      if (length(found$root) != 1L) "s", ".")
  }
  found$time
}

say_terminal <- function(begin, end, time, cells, verbose) {
  if (!(begin$converged && end$converged && time$converged)) {
    rlang::warn(
      paste0(
        "Not all eigenvectors of the transitions were found; roots, end points and pseudotime rest on ",
        "those that were. Raise `max.restarts`."
      ),
      class = "fatefield_warning_convergence"
    )
  }
  if (!verbose) {
    return(invisible())
  }
  parts <- length(time$root)
  apart <- sum(is.na(cells$velocity_pseudotime))
  message(
    "Eigenvectors: ", length(begin$value), " for roots, ", length(end$value), " for end points.",
    if (parts > 1L) paste0(" The graph falls into ", parts, " parts; each has a pseudotime of its own."),
    if (apart > 0L) paste0(" ", apart, " cells are apart from all others and have none.")
  )
}

new_arrows <- function(graph, arrows, parts) {
  structure(
    list(arrows = arrows, graph = graph, cells = parts$cells, root = parts$root, end = parts$end),
    class = "fatefield_arrows"
  )
}

#' @export
print.fatefield_arrows <- function(x, ...) {
  cat("velocity arrows of ", nrow(x$arrows), " cells in ", ncol(x$arrows), " dimensions; graph of ",
    length(x$graph@x), " steps\n", sep = "")
  for (column in names(x$cells)) {
    q <- round(stats::quantile(x$cells[[column]], c(0, 0.5, 1), na.rm = TRUE), 4L)
    cat("  ", formatC(column, width = -32), paste(names(q), q, collapse = "  "), "\n", sep = "")
  }
  invisible(x)
}

# The graph in an object, and how it was made, so that it can be told whether it still holds.
store_graph <- function(object, graph, name, options, field) {
  made <- list(options = options, genes = rownames(field$velocity), cells = rownames(graph))
  if (is_seurat(object)) {
    object <- add_graph(object, graph_name(name), graph)
  } else {
    made$graph <- graph
  }
  put_tool(object, "velocity_graph", name, made)
}

# The stored graph where it is that of these options, genes and cells (NULL: any of the object's
# cells), else NULL.
stored_graph <- function(object, name, options = NULL, field = NULL) {
  made <- tool(object, "velocity_graph", name)
  if (is.null(made) || !identical(made$cells, cell_names(object))) {
    return(NULL)
  }
  same <- is.null(options) || identical(made$options, options)
  if (!same || !(is.null(field) || identical(made$genes, rownames(field$velocity)))) {
    return(NULL)
  }
  if (!is_seurat(object)) {
    return(made$graph)
  }
  if (graph_name(name) %in% SeuratObject::Graphs(object)) fetch_graph(object, graph_name(name))
}

graph_name <- function(name) paste0(name, "_graph")
