# Models of type "field": what is asked of them, and the states of cells they take. States are cells x genes:
# size-normalised spliced counts on the linear scale, of the genes the field was fitted on.

# States and velocities of an object's cells, or of a result of EstimateVelocity(): list(x, y (cells x genes),
# spliced (where the counts are), depth (what cells are brought to, NA where they were not), name, mode, size (what the
# counts of each cell are divided by)).
# `genes`: by name; NULL takes the velocity genes.
velocity_states <- function(object, name = NULL, genes = NULL) {
  if (!inherits(object, "fatefield_velocity")) name <- velocity_name(object, name)
  found <- fetch_velocity(object, name, neighbours = FALSE)
  genes <- field_genes(found, genes)
  y <- t(found$velocity[genes, , drop = FALSE])
  place <- NULL
  if (inherits(object, "fatefield_velocity")) {
    spliced <- found$inputs$spliced
  } else {
    place <- tool(object, "velocity", name)$source$spliced
    spliced <- as_counts(layer_at(object, place), "spliced")
  }
  size <- found$cells$spliced_size
  divided <- any(size != 1)
  list(
    x = normalised_states(spliced, genes, size), y = y, spliced = place,
    depth = if (divided) stats::median(Matrix::colSums(spliced) / size) else NA_real_, name = name,
    mode = found$mode, size = size
  )
}

field_genes <- function(found, genes) {
  finite <- rowSums(!is.finite(found$velocity)) == 0
  if (is.null(genes)) {
    chosen <- rownames(found$velocity)[found$genes$velocity_genes & finite]
    if (length(chosen) == 0L) stop_input("genes", "There is no velocity gene whose velocities are all known.")
    return(chosen)
  }
  lost <- setdiff(genes, rownames(found$velocity)[finite])
  if (!is.character(genes) || length(genes) == 0L || length(lost) > 0L) {
    stop_input("genes", "`genes` must be names of genes with velocities; ",
      if (is.character(genes)) quoted(lost[[1L]]) else described(genes), " is not.",
      if (is.character(genes)) near(lost[[1L]], rownames(found$velocity)))
  }
  unique(genes)
}

# Counts (genes x cells) of some genes over the sizes of cells, cells x genes, dense.
normalised_states <- function(spliced, genes, size) {
  x <- t(as.matrix(spliced[genes, , drop = FALSE])) / size
  dimnames(x) <- list(colnames(spliced), genes)
  x
}

# States of all cells of an object for a field, or the columns of a matrix. Stops where the cells that the field was
# fitted on have other counts or velocities now; new cells are welcome.
field_coordinates <- function(object, model) {
  if (is_plain_matrix(object)) {
    x <- embedding(object)
    if (all(model$dims %in% colnames(x))) x <- x[, model$dims, drop = FALSE]
    check_model_dims(model, x)
    return(x)
  }
  spliced <- field_counts(object, model)
  at <- check_field_source(object, model, spliced)
  normalised_states(spliced, model$dims, state_sizes(object, model, spliced, at))
}

# Spliced counts, genes x cells, of which the field's genes are some.
field_counts <- function(object, model) {
  spliced <- as_counts(layer_at(object, spliced_place(object, model)), "spliced")
  lost <- setdiff(model$dims, rownames(spliced))
  if (length(lost) > 0L) {
    stop_model("model", "`model` was fitted on ", length(model$dims), " genes, of which the object lacks ",
      length(lost), ", the first is ", quoted(lost[[1L]]), ".")
  }
  spliced
}

# What the states of cells are made from: the spliced counts of the field's genes.
states_input <- function(object, model, spliced = field_counts(object, model)) {
  spliced_input(spliced, spliced_place(object, model), model$dims)
}

# Which cell of those at the fit each cell is, NA for new ones. An object that never had these velocities has nothing
# to be compared with but its counts.
check_field_source <- function(object, model, spliced) {
  check <- function(input, now) {
    check_input(object, input, "the model", "FitVelocityField()", new.cells = TRUE, now = now)
  }
  if (is.null(model$source)) {
    return(rep(NA_integer_, ncol(spliced)))
  }
  if (model$velocity %in% tool_names(object, "velocity")) {
    check(model$source$velocity, velocity_input(object, model$velocity))
  }
  check(model$source$counts, states_input(object, model, spliced))
}

# Who the cells are, for a result of a field: by the velocities that it was fitted to where the object has them, else
# by those that it has. NULL where it has none.
field_input <- function(object, model) {
  present <- tool_names(object, "velocity")
  if (length(present) == 0L) {
    return(NULL)
  }
  velocity_input(object, if (isTRUE(model$velocity %in% present)) model$velocity else present[[length(present)]])
}

# Where the spliced counts are: where they were in the object the model was fitted on, else by their names.
spliced_place <- function(object, model) {
  place <- model$spliced
  places <- layer_places(object)
  same <- !is.null(place) & places$layer %in% place$layer &
    (places$assay %in% place$assay | (is.na(places$assay) & is.na(place$assay)))
  if (any(same)) place else find_layer(object, NULL, splicing_aliases$spliced, "spliced")
}

# What the counts of each cell are divided by: as at the fit for the cells that were there (`at`), as EstimateVelocity()
# did where the object has these cells, else so that cells come to the depth of those the model was fitted on.
state_sizes <- function(object, model, spliced, at) {
  sizes <- if (is.null(model$source)) rep(NA_real_, length(at)) else model$source$size[at]
  open <- is.na(sizes)
  if (!any(open)) {
    return(sizes)
  }
  known <- if (!is.null(model$velocity)) tool(object, "velocity", model$velocity)$cells
  cells <- cell_names(object)
  by.depth <- if (!is.null(known) && all(cells %in% rownames(known))) {
    known[cells, "spliced_size"]
  } else if (is.na(model$depth)) {
    rep(1, length(cells))
  } else {
    total <- Matrix::colSums(spliced)
    ifelse(total > 0, total / model$depth, 1)
  }
  sizes[open] <- by.depth[open]
  sizes
}

# f(member) for each member of the ensemble.
each_member <- function(model, f) lapply(model$states, f)

# Mean over the members of what f gives, in its shape.
ensemble_mean <- function(model, f) Reduce(`+`, each_member(model, f)) / length(model$states)

# Velocities of states, cells x genes: the mean of the ensemble.
model_velocity <- function(model, x) {
  v <- ensemble_mean(model, function(bytes) field_velocity(bytes, x, thread_count()))
  dimnames(v) <- dimnames(x)
  v
}
