# State with a fingerprint: what a result was made from, so that it can be told whether that still holds.
#
# An input is a list with `type`, `cells` (names) and `digest` (one number a cell), and where to find it again:
#   coordinates   `reduction`, `dims` (names of the columns), `loadings` (digest of the genes' weights, or NULL)
#   velocity      `name` of the velocities
#   counts        `source` (places of spliced and unspliced counts), `genes`
#   column        `column` of the cell data
#   model         `name`, and one `digest` of the whole model
# Cells are known by their values first and by their names second: renamed or reordered ones are found again.

# `values`: cells x dims with names. Names that only count the rows say nothing of who a cell is.
input_of <- function(type, values, digest = row_digests(values), ...) {
  list(type = type, cells = rownames_or_none(values), digest = digest, ...)
}

rownames_or_none <- function(x) {
  names <- rownames(x)
  if (identical(names, as.character(seq_len(nrow(x))))) NULL else names
}

# Of a matrix, or of some dimensions of a reduction of an object.
coordinates_input <- function(object, reduction = NULL, dims = NULL, x = NULL) {
  if (!is_plain_matrix(object)) reduction <- choose_reduction(object, reduction)
  if (is.null(x)) {
    x <- embedding(object, reduction)
    if (!is.null(dims)) x <- x[, dims, drop = FALSE]
  }
  input_of(
    "coordinates", x, reduction = reduction, dims = colnames(x),
    loadings = if (!is.null(reduction)) loadings_digest(object, reduction, colnames(x))
  )
}

loadings_digest <- function(object, reduction, dims) {
  weights <- reduction_loadings(object, reduction)
  if (is.null(weights) || !all(dims %in% colnames(weights))) {
    return(NULL)
  }
  rlang::hash(list(rownames(weights), unname(weights[, dims, drop = FALSE])))
}

# Loadings of a reduction, genes x dims, or NULL where it has none.
reduction_loadings <- function(object, reduction) {
  weights <- if (is_seurat(object)) {
    SeuratObject::Loadings(object, reduction = reduction)
  } else {
    attr(sce_reduction(object, reduction), "rotation")
  }
  if (is.matrix(weights) && length(weights) > 0L) weights
}

velocity_input <- function(object, name) {
  x <- fetch_assay(object, name)
  list(type = "velocity", name = name, cells = colnames(x), digest = column_digests(as_compressed(x)))
}

# `pair`: the counts as EstimateVelocity() reads them; `genes`: those that were fitted.
counts_input <- function(pair, source, genes) {
  digest <- lapply(pair[c("spliced", "unspliced")], function(x) column_digests(x[genes, , drop = FALSE]))
  list(
    type = "counts", source = source, genes = genes, cells = colnames(pair$spliced),
    digest = row_digests(do.call(cbind, digest))
  )
}

column_input <- function(object, column) {
  list(
    type = "column", column = column, cells = cell_names(object),
    digest = text_digests(cell_column(object, column, column))
  )
}

# One number for each value; equal values have equal ones.
text_digests <- function(x) {
  text <- as.character(x)
  kinds <- unique(text)
  number <- vapply(kinds, function(v) strtoi(substr(rlang::hash(v), 1L, 7L), 16L), integer(1), USE.NAMES = FALSE)
  as.numeric(number)[match(text, kinds)]
}

model_input <- function(model, name = NULL) {
  list(type = "model", name = name, digest = model_digest(model))
}

model_digest <- function(model) rlang::hash(list(model$states, model$dims))

# The same input as the object has it now, or NULL where it is gone.
input_now <- function(object, input) {
  switch(input$type,
    coordinates = if (input$reduction %in% reduction_names(object)) {
      x <- embedding(object, input$reduction)
      dims <- if (all(input$dims %in% colnames(x))) input$dims
      coordinates_input(object, input$reduction, dims)
    },
    velocity = if (input$name %in% assay_names(object)) velocity_input(object, input$name),
    counts = counts_now(object, input),
    column = if (input$column %in% column_names(object)) column_input(object, input$column),
    model = if (input$name %in% tool_names(object, "models")) {
      model_input(tool(object, "models", input$name), input$name)
    }
  )
}

counts_now <- function(object, input) {
  if (is.null(input$source$unspliced)) {
    return(spliced_now(object, input))
  }
  pair <- velocity_counts(object, input)
  if (is.null(pair) || !all(input$genes %in% rownames(pair$spliced))) {
    return(NULL)
  }
  counts_input(pair, input$source, input$genes)
}

# The states of a field are made from spliced counts alone.
spliced_now <- function(object, input) {
  spliced <- tryCatch(as_counts(layer_at(object, input$source$spliced), "spliced"), error = function(e) NULL)
  if (is.null(spliced) || !all(input$genes %in% rownames(spliced))) {
    return(NULL)
  }
  spliced_input(spliced, input$source$spliced, input$genes)
}

spliced_input <- function(spliced, place, genes) {
  list(
    type = "counts", source = list(spliced = place), genes = genes, cells = colnames(spliced),
    digest = column_digests(spliced[genes, , drop = FALSE])
  )
}

# Which cell of `made` each cell of `now` is, NA for none: by value where it is found, else by name. A cell that
# has a name of `made` but a value found nowhere in it has changed.
match_inputs <- function(made, now) {
  n <- length(now$digest)
  by.name <- if (is.null(made$cells) || is.null(now$cells)) rep(NA_integer_, n) else match(now$cells, made$cells)
  same <- !is.na(by.name) & made$digest[by.name] == now$digest
  by.value <- match_in_turn(now$digest, made$digest)
  list(
    at = ifelse(same, by.name, by.value), changed = !is.na(by.name) & !same & is.na(by.value),
    new = is.na(by.name) & is.na(by.value)
  )
}

# As match(), but of equal values the first finds the first, the second the second.
match_in_turn <- function(x, table) {
  found <- match(x, table)
  twice <- which(duplicated(found) & !is.na(found))
  if (length(twice) == 0L) {
    return(found)
  }
  turn <- function(v) paste(match(v, x[twice]), stats::ave(seq_along(v), v, FUN = seq_along))
  several <- which(x %in% x[twice])
  places <- which(table %in% x[twice])
  exact <- match(turn(x[several]), turn(table[places]))
  found[several] <- ifelse(is.na(exact), found[several], places[exact])
  found
}

# Stops where `input` is no longer what `what` was made from; gives the place of each cell in it, NA for new ones.
# `what`: the result in words; `remake`: the call that makes it anew. `new.cells`: may there be cells that were not
# there? `now`: the input as it is, where the caller has it already. `at`: which cell of the input each cell is, where
# another input has told that: labels say nothing of who a cell is.
check_input <- function(object, input, what, remake, new.cells = FALSE, now = input_now(object, input), at = NULL) {
  name <- input_name(input)
  if (is.null(now)) {
    is <- if (input$type %in% c("velocity", "counts")) " are" else " is"
    stop_stale(what, paste0(name, is, " no longer in the object"), remake)
  }
  if (input$type == "model") {
    if (!identical(now$digest, input$digest)) stop_stale(what, paste0(name, " has been fitted anew"), remake)
    return(invisible(NULL))
  }
  found <- match_inputs(input, now)
  if (input$type == "column") {
    if (is.null(at)) at <- match(cell_names(object), input$cells)
    # Under other names, all of them in the order of then.
    if (all(is.na(at)) && identical(now$digest, input$digest)) at <- seq_along(at)
    found <- list(at = at, changed = !is.na(at) & input$digest[at] != now$digest, new = is.na(at))
  }
  n <- length(found$at)
  if (any(found$changed)) {
    changed <- sum(found$changed)
    stop_stale(what, paste0(name, " changed in ", changed, " of ", n, " cells"), remake)
  }
  if (all(found$new) && !is.null(input$loadings) && !is.null(now$loadings) &&
      !identical(input$loadings, now$loadings)) {
    stop_stale(what, paste0(name, " has other loadings and was computed anew"), remake)
  }
  if (any(found$new) && !new.cells) {
    stop_stale(what, paste0("there are ", sum(found$new), " cells that it has not seen"), remake)
  }
  found$at
}

input_name <- function(input) {
  switch(input$type,
    coordinates = paste0("reduction ", quoted(input$reduction)),
    velocity = paste0("the velocities ", quoted(input$name)),
    counts = paste0("the spliced ", if (!is.null(input$source$unspliced)) "and unspliced ", "counts"),
    column = paste0("column ", quoted(input$column)),
    model = paste0("model ", quoted(input$name))
  )
}

# A result that is older than what it was made from.
stop_stale <- function(what, changed, remake) {
  rlang::abort(
    paste0("`object`: ", what, " cannot be used any more: ", changed, ". Run ", remake, " again."),
    class = c("fatefield_error_stale", "fatefield_error_input", "fatefield_error"), argument = "object", call = NULL
  )
}
