# RNA velocities as arrows in a reduction, and where they begin and end. Takes what EstimateVelocity()
# gives; gives a graph of cells, arrows, and scores per cell.

#' Embed RNA velocities: arrows, roots, end points, pseudotime
#'
#' For each cell the steps to its neighbours and to their neighbours are correlated with its velocity,
#' gene by gene: the velocity graph.
#' From it follow probabilities of steps, the mean direction of each cell in a reduction, the cells
#' where walks by these steps begin and end, and a pseudotime between them.
#'
#' @section Basic use:
#' ```
#' cells <- EmbedVelocity(cells, reduction = "umap")  # after EstimateVelocity()
#' PlotVelocity(cells, reduction = "umap")
#' summary(cells$velocity_pseudotime)
#' ```
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
#' from the end point, in each of the connected components of the graph.
#'
#' Velocities of the dynamical mode give a latent time too, the one that all genes share: times of cells by the genes of
#' a likelihood of at least `min.likelihood` and an r2 above `min.r2` are counted from a root, cells before it coming
#' last; of the quantiles 0.15, 0.2, ..., 0.35 over the genes the two that spread cells most evenly are added.
#' This is averaged over up to four roots (those of the least time in total among cells with a root score above 0.999,
#' or among `root` and its neighbours), and over neighbours, as far as they agree with theirs.
#'
#' Cells before the root come last, so that a root in the middle of the course turns the order of nearly all cells
#' round.
#' Without `root` the latent time is therefore compared with the end points, the pseudotime and the expected steps of
#' the cells.
#' Where one of these says that it runs backward, it is counted from the cell where most genes begin, or from that where
#' the pseudotime does, if that agrees better with the end points and the steps.
#' A `fatefield_warning_latent_time` says so, and also where the direction stays uncertain: name a cell of the beginning
#' with `root`.
#'
#' A graph that the object holds already, of the same velocities and options, is used again, so that
#' another reduction costs little.
#' After a second [EstimateVelocity()] it is made anew.
#'
#' @param object A Seurat object or SingleCellExperiment that [EstimateVelocity()] has seen, a result
#'   of [EstimateVelocity()], or a matrix of velocities (genes x cells).
#' @param reduction Name of the reduction to draw arrows in; `NULL` takes `umap`, else `tsne`, else the
#'   first.
#' @param dims Dimensions of the reduction; `NULL` takes all.
#' @param embedding Matrix of coordinates (cells x dims).
#'   To plot a result: those that its arrows were made for.
#' @param expression,knn For a matrix of velocities: the smoothed expression `Ms` (genes x cells, the
#'   same genes and cells), and the nearest cells of each cell, a matrix of their numbers (cells x
#'   neighbours, without the cell itself) or `list(index, distance)`.
#' @param genes Genes to correlate; `NULL` takes the velocity genes.
#' @param root A cell, by name or number, where the pseudotime begins; `NULL` takes the cell with the
#'   highest root score of each part of the graph.
#' @param sqrt.transform Correlate signed square roots?
#'   `NULL` does so for velocities of the stochastic mode.
#' @param n.neighbors Cells considered for each cell, at most: its neighbours, and of their neighbours
#'   a random choice.
#'   `NULL` takes all up to 50,000 cells, and 100 beyond.
#' @param scale Correlations are multiplied by this before they are exponentiated; default
#'   `r doc_default("transition", "scale")`.
#' @param self.transitions Let cells stay whose velocity points at no neighbour?
#'   Default `TRUE`; matters for the confidence alone.
#' @param terminal Find roots, end points and pseudotime too? Default `TRUE`.
#' @param seed.use Seed of the random choice of neighbours.
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param model A model from [FitSDE()] or [FitVelocityField()], or the name of one in the object: its drift is drawn in
#'   the place of RNA velocities, see the section on models.
#'   Arguments about genes, roots and end points are then of no use.
#' @param time,t.start Of a model of times: see [SimulateCells()].
#' @param store.as Name of the reduction of arrows; `NULL` makes it of `velocity` and `reduction`, as
#'   in `velocity_umap`.
#' @param threads Threads to use; `NULL` takes all, see [fatefield_sitrep()].
#' @param verbose Tell what is found?
#' @param ... For `plot()`: arguments of [PlotVelocity()], such as `style`.
#'   Else more options: `r doc_option("terminal", "tolerance")`, `r doc_option("terminal", "count")`,
#'   `r doc_option("terminal", "low")` and `r doc_option("terminal", "high")` of roots and end points (distance
#'   of eigenvalues from 1, their number, quantiles to cut off at); `r doc_option("pseudotime", "components")`
#'   of the diffusion map; `r doc_option("terminal", "max.restarts")` of the search for eigenvectors;
#'   `r doc_option("latent.time", "min.likelihood")` and `r doc_option("latent.time", "min.r2")` of the genes,
#'   `r doc_option("latent.time", "roots")` at most and `r doc_option("latent.time", "min.agreement")` of cells
#'   with their neighbours (squared, 1 less the difference), of the latent time.
#'
#' @return
#' For matrices and results a result of class `fatefield_arrows`, see [results], whose table has a row for each cell,
#'   with `cell` and the columns of `cells`.
#'   It has:
#'   \item{arrows}{Matrix, cells x dims; 0 for cells without a velocity.}
#'   \item{graph}{dgCMatrix, cells x cells, correlations; rows are the cells that steps start from.}
#'   \item{cells}{data.frame, one row per cell: `velocity_confidence_transition`, the correlation of
#'     the velocity with the expected step; `root_cells`, `end_points` and `velocity_pseudotime`, all
#'     from 0 to 1; `NA` for cells apart from all others.
#'     For velocities of the dynamical mode also `latent_time`, from 0 to 1.}
#'   \item{root,end}{Names of the cells where the pseudotime begins and ends, one for each part.}
#' For an object the object with the arrows as a reduction, the columns of `cells` in its cell data,
#' and the graph, which [TransitionMatrix()] reads; a Seurat object has it as a graph `velocity_graph`, too.
#' Velocities stored as `name` have columns `name_pseudotime`, `name_root_cells` and so on.
#' @section The drift of a model:
#' With `model` the graph holds the cosines of the drift of each cell with the steps to its neighbours, and to theirs,
#' in the space of the model; arrows follow from it in any embedding of the same cells, as those of velocities do.
#' They are stored as `sde_umap`, after the model and the reduction, and [PlotVelocity()] draws them by
#' `arrows = "sde_umap"`.
#' Where cells near each other in the embedding are near in the space of the model no more often than by chance, an
#' error says so.
#'
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocities, other cells than those the velocities
#' are of, fewer than 2 genes with velocities, velocities that are the same in all genes, no such reduction or cell.
#' `fatefield_error_stale`: the counts have changed since [EstimateVelocity()].
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
                                  root = NULL, sqrt.transform = NULL, n.neighbors = NULL,
                                  scale = NULL, self.transitions = TRUE, terminal = TRUE,
                                  seed.use = 42L, model = NULL, time = NULL, t.start = NULL, threads = NULL,
                                  verbose = TRUE, ...) {
  local_threads(threads)
  if (missing(embedding)) {
    stop_input("embedding", "`embedding` is needed: a matrix of coordinates, cells x dims.")
  }
  if (!is.null(model)) {
    model <- choose_model(object, model, type = c("sde", "field"))
    embedding <- check_matrix(embedding, "embedding")
    return(embed_drift(object, model, embedding, time, t.start, n.neighbors, scale, seed.use, verbose, ...))
  }
  field <- velocity_field_of(object, expression, knn, genes)
  options <- embed_options(field, sqrt.transform, n.neighbors, scale, self.transitions, terminal,
    seed.use, verbose, ...)
  embedding <- check_matrix(embedding, "embedding")
  check_same_cells(embedding, colnames(field$velocity))
  root <- check_root(root, colnames(field$velocity))
  graph <- field_graph(field, options)
  parts <- field_scores(field, graph, options, root, verbose)
  rownames(embedding) <- rownames(graph)
  new_arrows(graph, arrows_in(graph, embedding, options$steps), parts, embedding)
}

#' @rdname EmbedVelocity
#' @export
EmbedVelocity.Seurat <- function(object, reduction = NULL, dims = NULL, genes = NULL, root = NULL,
                                 sqrt.transform = NULL, n.neighbors = NULL, scale = NULL,
                                 self.transitions = TRUE, terminal = TRUE, seed.use = 42L,
                                 velocity = NULL, model = NULL, time = NULL, t.start = NULL, store.as = NULL,
                                 threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  if (!is.null(model)) {
    return(store_drift_arrows(object, model, reduction, dims, time, t.start, n.neighbors, scale, seed.use, store.as,
      verbose, ...))
  }
  velocity <- velocity_name(object, velocity)
  reduction <- choose_reduction(object, reduction, prefer = c("umap", "tsne", "latent", "pca"))
  store.as <- store_name(object, store.as, paste0(velocity, "_", reduction), no_columns, identity)
  stem <- store_name(object, NULL, velocity, score_columns)
  coordinates <- embedding(object, reduction, dims)
  root <- check_root(root, cell_names(object))
  field <- velocity_field_of(fetch_velocity(object, velocity), NULL, NULL, genes)
  options <- embed_options(field, sqrt.transform, n.neighbors, scale, self.transitions, terminal,
    seed.use, verbose, ...)
  graph <- stored_graph(object, velocity, options$graph, field)
  if (is.null(graph)) {
    graph <- field_graph(field, options)
    object <- store_graph(drop_derived(object, velocity, say = FALSE), graph, velocity, options$graph, field)
  } else if (verbose) {
    message("The velocity graph of the object is used again.")
  }
  parts <- field_scores(field, graph, options, root, verbose)
  object <- store_arrows(object, arrows_in(graph, coordinates, options$steps), store.as, reduction, coordinates,
    velocity, options$steps)
  log_call(store_scores(object, parts$cells, velocity, stem), "EmbedVelocity")
}

#' @rdname EmbedVelocity
#' @export
EmbedVelocity.SingleCellExperiment <- EmbedVelocity.Seurat

no_columns <- function(stem) character()

# Columns of the scores of cells.
score_columns <- function(stem) {
  velocity_columns(
    c("velocity_confidence_transition", "root_cells", "end_points", "velocity_pseudotime", "latent_time"), stem
  )
}

# `velocity`: the name of the velocities; the columns are on record, so that they go with what they say.
store_scores <- function(object, scores, velocity, stem) {
  names(scores) <- velocity_columns(names(scores), stem)
  object <- store_cells(object, scores)
  put_tool(object, "velocity_columns", velocity, union(tool(object, "velocity_columns", velocity), names(scores)))
}

# Arrows with what they were made of, and what it takes to make them anew.
store_arrows <- function(object, arrows, name, reduction, coordinates, velocity, steps) {
  remake <- paste0("EmbedVelocity(reduction = ", quoted(reduction), ")")
  more <- list(velocity = velocity, steps = steps, graph = tool(object, "velocity_graph", velocity)$digest)
  store_vectors(object, arrows, name, reduction, coordinates, remake, more)
}

# Arrows of a record as they are in the object, or from its graph where the coordinates of the reduction, or the graph,
# are no longer those of then.
fresh_arrows <- function(object, name) {
  made <- vectors_record(object, name)
  about <- made$result
  graph <- velocity_graph(object, about$velocity)
  same.graph <- identical(about$graph, tool(object, "velocity_graph", about$velocity)$digest)
  input <- made$inputs[[1L]]
  now <- input_now(object, input)
  if (is.null(now)) {
    stop_stale(paste("the arrows", quoted(name)), paste(input_name(input), "is no longer in the object"), made$remake)
  }
  found <- match_inputs(input, now)
  if (same.graph && !anyNA(found$at)) {
    return(embedding_or_missing(object, name))
  }
  rlang::inform(
    paste0(
      if (same.graph) paste0("The reduction ", quoted(about$reduction), " has other coordinates") else
        paste0("The velocities ", quoted(about$velocity), " are others"), " than when the arrows ", quoted(name),
      " were made: they are computed anew from the velocity graph. ", made$remake, " stores them."
    ),
    class = "fatefield_message_arrows"
  )
  x <- embedding(object, about$reduction)
  if (all(input$dims %in% colnames(x))) x <- x[, input$dims, drop = FALSE]
  unname(arrows_in(graph, x, about$steps))
}

# The genes that are named, or the velocity genes of an estimate.
asked_velocity_genes <- function(object, genes) {
  if (is.null(genes)) rownames(object$genes)[which(object$genes$velocity_genes)] else
    check_velocity_genes(genes, rownames(object$velocity))
}

# What the graph is made of: list(velocity, expression (genes x cells), knn, mode); for fitted kinetics `kinetics`, what
# latent time is made of.
velocity_field_of <- function(object, expression, knn, genes) {
  if (inherits(object, "fatefield_velocity")) {
    genes <- asked_velocity_genes(object, genes)
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

# Options as they are where nothing is asked for, without root and end points.
usual_embed_options <- function(field) embed_options(field, NULL, NULL, NULL, TRUE, FALSE, 42L, FALSE)

# Options of each step, checked by the core when it takes them.
embed_options <- function(field, sqrt.transform, n.neighbors, scale, self.transitions, terminal,
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
      max.neighbors = if (!is.null(n.neighbors)) check_count(n.neighbors, "n.neighbors"),
      sqrt.transform = check_flag(sqrt.transform, "sqrt.transform"),
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

# Probabilities of steps by the options `steps`, with `...` in the place of some of them.
steps_of <- function(graph, steps, ..., backward = FALSE) {
  step_probabilities(graph, merge_options(steps, list(...)), backward)
}

arrows_in <- function(graph, coordinates, steps) {
  steps <- steps_of(graph, steps, self.transitions = FALSE, negative = "signed")
  arrows <- velocity_arrows(steps, coordinates, thread_count())
  dimnames(arrows) <- list(rownames(graph), colnames(coordinates))
  arrows
}

# list(cells = data.frame of scores, root, end).
field_scores <- function(field, graph, options, root, verbose) {
  names <- rownames(graph)
  steps <- steps_of(graph, options$steps, self.transitions = options$self.transitions)
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
    steps <- steps_of(graph, options$steps, self.transitions = FALSE, backward = backward)
    step_ends(steps, field$knn, options$ends, thread_count())
  }
  begin <- ends_of(TRUE)
  end <- ends_of(FALSE)
  time <- graph_pseudotime(graph, begin$score, end$score, root, options$time, thread_count())
  cells$root_cells <- begin$score
  cells$end_points <- end$score
  cells$velocity_pseudotime <- ifelse(is.nan(time$time), NA_real_, time$time)
  if (!is.null(field$kinetics)) {
    forward <- steps_of(graph, options$steps, self.transitions = FALSE)
    cells$latent_time <- field_latent_time(field$kinetics, cells, forward, root, options$latent, verbose)
  }
  say_terminal(begin, end, time, cells, verbose)
  list(cells = cells, root = names[time$root], end = names[time$end])
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
