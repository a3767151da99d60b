# The only file that knows Seurat 4 from 5: layers, assays, meta data, reductions, tools, commands.
# Takes and gives Seurat objects; matrices of assays are features x cells, of reductions cells x
# dims.
# Branches ask what an object or SeuratObject can do, never for a version number.

#' @importFrom Matrix sparseMatrix
NULL

has_layers <- function() {
  exists("LayerData", envir = asNamespace("SeuratObject"), inherits = FALSE)
}

# Stops where the object holds what this SeuratObject does not know, such as assays of Seurat 5.
check_seurat <- function(object, argument = "object") {
  if (has_layers()) {
    return(invisible())
  }
  kinds <- vapply(methods::slot(object, "assays"), function(a) class(a)[[1L]], character(1))
  newer <- kinds %in% c("Assay5", "StdAssay")
  if (any(newer)) {
    stop_input(
      argument, "`", argument, "` was made by SeuratObject 5: its assay ", quoted(names(kinds)[newer][[1L]]),
      " is of class ", kinds[newer][[1L]], ", which the SeuratObject ",
      format(utils::packageVersion("SeuratObject")), " installed here cannot read. Install SeuratObject 5, or turn ",
      "the assay into one of class \"Assay\" where the object was made."
    )
  }
  invisible()
}

# Names of an assay's layers; the slots in use for an assay of Seurat 4.
layer_names <- function(object, assay = SeuratObject::DefaultAssay(object)) {
  check_assay(object, assay)
  if (has_layers()) {
    return(seurat_fun("Layers")(object[[assay]]))
  }
  slots <- c("counts", "data", "scale.data")
  filled <- vapply(slots, function(s) length(slot_data(object, s, assay)) > 0L, logical(1))
  slots[filled]
}

# One layer as a features x cells matrix in memory: parts of a split layer (counts.1, counts.2,
# ...) are joined, features absent from a part are zero there, on-disk matrices become dgCMatrix.
# All cells of the object, in its order.
layer_data <- function(object, layer = "data", assay = SeuratObject::DefaultAssay(object), argument = "layer") {
  check_assay(object, assay)
  if (!has_layers()) {
    x <- slot_data(object, layer, assay)
    if (length(x) == 0L) stop_layer(object, layer, assay)
    return(in_memory(x))
  }
  present <- layer_names(object, assay)
  parts <- if (layer %in% present) layer else split_parts(present, layer)
  parts <- with_sisters(parts, present, object, assay, argument)
  if (length(parts) == 0L) stop_layer(object, layer, assay)
  pieces <- lapply(parts, function(part) {
    in_memory(seurat_fun("LayerData")(object[[assay]], layer = part))
  })
  joined <- if (length(pieces) == 1L) pieces[[1L]] else join_pieces(pieces, features = rownames(object[[assay]]))
  whole_layer(joined, layer, parts, assay, colnames(object), argument)
}

# One part of a split layer that lacks cells, with the other parts of the same layer: velocities of one sample alone
# were an answer about others that nobody asked for.
with_sisters <- function(parts, present, object, assay, argument) {
  whole <- sub("\\.[^.]*$", "", parts)
  if (length(parts) != 1L || identical(whole, parts)) {
    return(parts)
  }
  sisters <- split_parts(present, whole)
  covers <- ncol(seurat_fun("LayerData")(object[[assay]], layer = parts)) == ncol(object)
  if (length(sisters) < 2L || covers) {
    return(parts)
  }
  rlang::inform(
    paste0("`", argument, "`: ", quoted(parts), " is a part of the split layer ", quoted(whole),
      "; all of it is taken."),
    class = "fatefield_message_layer"
  )
  sisters
}

# The cells of a layer in the order of the object; each must be there, once.
whole_layer <- function(x, layer, parts, assay, cells, argument) {
  if (identical(colnames(x), cells)) {
    return(x)
  }
  at <- paste0("`", argument, "`: the layer ", quoted(layer), " of assay ", quoted(assay))
  if (anyDuplicated(colnames(x)) > 0L) {
    stop_input(argument, at, " is not one matrix: ", quoted(parts), " hold the same cells. Name the layer meant.")
  }
  lost <- setdiff(cells, colnames(x))
  if (length(lost) > 0L) {
    stop_input(
      argument, at, " does not cover all cells: ", length(lost), " of ", length(cells), " are without, the first is ",
      quoted(lost[[1L]]), ". Take the cells that it has, with subset()."
    )
  }
  x[, cells, drop = FALSE]
}

# Layers `layer.*`; those of another layer with a longer name (counts.raw beside counts.raw.1) are
# no parts of it.
split_parts <- function(present, layer) {
  present[startsWith(present, paste0(layer, "."))]
}

join_pieces <- function(pieces, features) {
  features <- intersect(features, unique(unlist(lapply(pieces, rownames))))
  padded <- lapply(pieces, function(x) {
    missing <- setdiff(features, rownames(x))
    if (length(missing) > 0L) {
      zero <- sparseMatrix(
        i = integer(), j = integer(), x = numeric(), dims = c(length(missing), ncol(x)),
        dimnames = list(missing, colnames(x))
      )
      x <- rbind(methods::as(x, "CsparseMatrix"), zero)
    }
    x[features, , drop = FALSE]
  })
  do.call(cbind, padded)
}

# A matrix in memory: base matrices and Matrix classes as they are, on-disk ones as dgCMatrix.
in_memory <- function(x) {
  if (is.matrix(x) || inherits(x, "Matrix")) {
    return(x)
  }
  if (inherits(x, "IterableMatrix")) {
    return(methods::as(x, "dgCMatrix"))
  }
  methods::as(x, "CsparseMatrix")
}

slot_data <- function(object, slot, assay) {
  x <- object[[assay]]
  if (slot %in% methods::slotNames(x)) methods::slot(x, slot) else NULL
}

# Names of assays and reductions. Seurat's own functions take each part out of the object to look at its class.
seurat_assays <- function(object) as.character(names(methods::slot(object, "assays")))
seurat_reductions <- function(object) as.character(names(methods::slot(object, "reductions")))

seurat_fun <- function(name) get(name, envir = asNamespace("SeuratObject"), inherits = FALSE)

check_assay <- function(object, assay, argument = "assay") {
  check_seurat(object)
  check_string(assay, argument)
  present <- seurat_assays(object)
  if (!assay %in% present) {
    stop_input(
      argument, "`", argument, "`: the object has no assay ", quoted(assay), "; it has ",
      quoted(present), ".",
      near(assay, present)
    )
  }
  invisible(assay)
}

stop_layer <- function(object, layer, assay) {
  stop_input(
    "layer", "`layer`: assay ", quoted(assay), " has no layer ", quoted(layer), "; it has ",
    quoted(layer_names(object, assay)), "."
  )
}

# A new assay that every version can read. `counts` or `data`: features x cells; data keeps NA.
# `features`: data.frame with one row per feature, or NULL.
new_assay <- function(counts = NULL, data = NULL, key, features = NULL) {
  assay <- if (is.null(counts)) {
    SeuratObject::CreateAssayObject(data = data)
  } else {
    SeuratObject::CreateAssayObject(counts = methods::as(counts, "CsparseMatrix"))
  }
  SeuratObject::Key(assay) <- key
  if (!is.null(features)) {
    rownames(features) <- rownames(assay)
    methods::slot(assay, "meta.features") <- features
  }
  assay
}

# Puts an assay into an object.
add_assay <- function(object, name, assay) {
  without_counts({
    object[[name]] <- assay
  })
  object
}

# Seurat 5 sums up the counts of each assay it is given, and warns about one that has none, such as
# an assay of probabilities.
without_counts <- function(code) {
  known <- "isn't present in the assay object|No layers found matching|Cannot find the layer"
  withCallingHandlers(code, warning = function(w) {
    if (grepl(known, conditionMessage(w))) tryInvokeRestart("muffleWarning")
  })
}

# Feature meta data of an assay of either kind: data.frame with feature names as rows.
feature_data <- function(object, assay = SeuratObject::DefaultAssay(object)) {
  check_assay(object, assay)
  x <- object[[assay]]
  if (inherits(x, "Assay")) {
    return(methods::slot(x, "meta.features"))
  }
  data <- methods::slot(x, "meta.data")
  rownames(data) <- rownames(x)
  data
}

# Feature names cannot hold "_" or "|" in Seurat; what they become, kept apart from each other.
seurat_feature_names <- function(names) make.unique(gsub("[_|]", "-", names))

# The cells' meta data, cells in the object's order.
cell_data <- function(object) methods::slot(object, "meta.data")

# Writes columns of `data` (rows in the object's order) over or beside those present; types are
# kept.
set_cell_data <- function(object, data) {
  taken <- intersect(names(data), c(seurat_assays(object), seurat_reductions(object)))
  if (length(taken) > 0L) {
    stop_input(
      "name", "`name`: ", quoted(taken), " is already an assay or a reduction of the object."
    )
  }
  meta <- methods::slot(object, "meta.data")
  for (column in names(data)) meta[[column]] <- data[[column]]
  methods::slot(object, "meta.data") <- meta
  object
}

drop_cell_data <- function(object, columns) {
  meta <- methods::slot(object, "meta.data")
  methods::slot(object, "meta.data") <- meta[setdiff(names(meta), columns)]
  object
}

# A key that is letters and digits, one underscore, and nobody else's in this object.
free_key <- function(object, wanted, name) {
  wanted <- paste0(gsub("[^A-Za-z0-9]", "", wanted), "_")
  others <- object_keys(object)
  others <- others[setdiff(names(others), name)]
  stem <- sub("_$", "", wanted)
  tries <- paste0(c(stem, paste0(stem, letters)), "_")
  free <- setdiff(tries, others)
  if (length(free) == 0L) stop_input("key", "`key`: ", quoted(wanted), " is taken.")
  free[[1L]]
}

object_keys <- function(object) {
  keyed <- c(seurat_assays(object), seurat_reductions(object))
  vapply(keyed, function(n) {
    key <- SeuratObject::Key(object[[n]])
    if (length(key) == 1L) key else ""
  }, character(1))
}

# `embeddings`: cells x dims in the object's order; its columns are renamed key1, key2, ...
add_reduction <- function(object, embeddings, name, key, loadings = NULL, stdev = numeric()) {
  if (name %in% seurat_assays(object)) {
    stop_input(
      "reduction.name", "`reduction.name`: ", quoted(name), " is already an assay of the object."
    )
  }
  key <- free_key(object, key, name)
  colnames(embeddings) <- paste0(key, seq_len(ncol(embeddings)))
  if (is.null(loadings)) {
    loadings <- methods::new("matrix")
  } else {
    colnames(loadings) <- colnames(embeddings)
  }
  object[[name]] <- SeuratObject::CreateDimReducObject(
    embeddings = embeddings, loadings = loadings, stdev = stdev, key = key,
    assay = SeuratObject::DefaultAssay(object), global = TRUE
  )
  object
}

# Nearest neighbours, list(index, distance) without the cell itself, as a Neighbor with the cell first, which
# is what Seurat's functions ask for.
add_neighbours <- function(object, knn, name, cells) {
  self <- seq_along(cells)
  index <- cbind(self, knn$index, deparse.level = 0L)
  distance <- cbind(0, knn$distance, deparse.level = 0L)
  object[[name]] <- methods::new(
    methods::getClass("Neighbor", where = asNamespace("SeuratObject")),
    nn.idx = index, nn.dist = distance, alg.idx = NULL, alg.info = list(), cell.names = cells
  )
  object
}

seurat_graphs <- function(object) names(methods::slot(object, "graphs"))

# Names of graphs and lists of neighbours; those of an SCE never clash with other names.
neighbour_names <- function(object) {
  if (is_seurat(object)) c(seurat_graphs(object), names(methods::slot(object, "neighbors")))
}

# A graph as a matrix of weights, or a Neighbor as list(index, distance), by name.
fetch_graph <- function(object, name) {
  neighbours <- names(methods::slot(object, "neighbors"))
  graphs <- seurat_graphs(object)
  if (!name %in% c(neighbours, graphs)) {
    stop_input(
      "graph", "`graph`: the object has no graph ", quoted(name), "; it has ",
      quoted(c(graphs, neighbours)), ".", near(name, c(graphs, neighbours))
    )
  }
  x <- object[[name]]
  if (name %in% graphs) {
    return(methods::as(x, "dgCMatrix"))
  }
  list(index = methods::slot(x, "nn.idx"), distance = methods::slot(x, "nn.dist"))
}

# Tools are filed under one name of our own: Tool<- would file under the name of its caller.
get_tools <- function(object) methods::slot(object, "tools")[["fatefield"]]

set_tools <- function(object, value) {
  tools <- methods::slot(object, "tools")
  tools[["fatefield"]] <- value
  methods::slot(object, "tools") <- tools
  object
}

# Logs a command the way LogSeuratCommand() does, but never keeps a matrix, an object or a long
# vector.
# `params`: the list of arguments, usually mget(setdiff(names(formals()), c("object", "..."))).
log_command <- function(object, name, params, assay = SeuratObject::DefaultAssay(object)) {
  short <- function(p) is.null(p) || (is.atomic(p) && is.null(dim(p)) && length(p) <= 100L)
  params <- params[vapply(params, short, logical(1))]
  written <- vapply(names(params), function(p) {
    paste0(p, " = ", paste(deparse(params[[p]], width.cutoff = 500L), collapse = ""))
  }, character(1))
  object[[name]] <- methods::new(
    methods::getClass("SeuratCommand", where = asNamespace("SeuratObject")),
    name = name, time.stamp = Sys.time(), assay.used = assay,
    call.string = paste0(name, "(", paste(c("object", written), collapse = ", "), ")"),
    params = params
  )
  object
}

# A Seurat object from the pieces of a file. `counts`, `data`: features x cells, one of them may be
# NULL; `cells`: data.frame with cell names as rows; `features`: data.frame with a row per feature.
new_seurat <- function(counts, data, assay, cells, features = NULL) {
  if (ncol(cells) == 0L) cells <- NULL
  object <- if (is.null(counts)) {
    x <- if (makes_assay5()) seurat_fun("CreateAssay5Object")(data = data) else
      new_assay(data = data, key = paste0(tolower(gsub("[^A-Za-z0-9]", "", assay)), "_"))
    without_counts(SeuratObject::CreateSeuratObject(x, assay = assay, meta.data = cells))
  } else {
    SeuratObject::CreateSeuratObject(counts = counts, assay = assay, meta.data = cells)
  }
  x <- object[[assay]]
  if (!is.null(counts) && !is.null(data)) {
    if (has_layers()) {
      x <- seurat_fun("LayerData<-")(x, layer = "data", value = data)
    } else {
      methods::slot(x, "data") <- data
    }
  }
  add_assay(object, assay, set_feature_data(x, features))
}

makes_assay5 <- function() {
  has_layers() && identical(getOption("Seurat.object.assay.version", "v5"), "v5")
}

# Feature meta data of an assay of either kind, in the order of its features.
set_feature_data <- function(assay, features) {
  if (is.null(features) || ncol(features) == 0L) {
    return(assay)
  }
  slot <- if (inherits(assay, "Assay")) "meta.features" else "meta.data"
  rownames(features) <- if (slot == "meta.features") rownames(assay) else NULL
  methods::slot(assay, slot) <- features
  assay
}

# Writes one layer (slot in Seurat 4) of an assay; `x`: features x cells, all cells of the object.
set_layer_data <- function(object, x, layer, assay) {
  check_assay(object, assay)
  if (!has_layers()) {
    return(SeuratObject::SetAssayData(object, slot = layer, new.data = x, assay = assay))
  }
  object[[assay]] <- seurat_fun("LayerData<-")(object[[assay]], layer = layer, value = x)
  object
}

# A graph between cells: `x` is cells x cells with names both ways.
add_graph <- function(object, name, x) {
  graph <- SeuratObject::as.Graph(x)
  methods::slot(graph, "assay.used") <- SeuratObject::DefaultAssay(object)
  object[[name]] <- graph
  object
}
