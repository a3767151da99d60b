# Layers of a split assay of Seurat 5, here with its interface stood in for where it is not installed.

# An object of 60 cells whose assay has the layers given, a named list of genes x cells.
with_layers <- function(layers, code) {
  if (has_layers()) {
    counts <- tiny_counts()
    object <- tiny_seurat("v5")
    for (name in names(layers)) {
      object[["RNA"]] <- seurat_fun("LayerData<-")(object[["RNA"]], layer = name, value = layers[[name]])
    }
    return(code(object))
  }
  here <- list(Layers = function(assay) names(layers), LayerData = function(assay, layer) layers[[layer]])
  package <- asNamespace("fatefield")
  put <- function(bindings) {
    for (name in names(bindings)) {
      unlockBinding(name, package)
      assign(name, bindings[[name]], package)
      lockBinding(name, package)
    }
  }
  before <- mget(c("has_layers", "seurat_fun"), package)
  on.exit(put(before))
  put(list(has_layers = function() TRUE, seurat_fun = function(name) here[[name]]))
  code(tiny_seurat())
}

test_that("parts of split layers are found and joined by the name of the whole, in any case", {
  counts <- tiny_counts()
  unspliced <- counts + (counts > 0)
  right <- EstimateVelocity(counts, unspliced, min.shared.counts = 0, verbose = FALSE)$velocity
  for (names in list(c("spliced", "unspliced"), c("Spliced", "Unspliced"), c("exon", "intron"))) {
    # The cells of the second part come first.
    layers <- list(counts[, 31:60], counts[, 1:30], unspliced[, 1:30], unspliced[, 31:60])
    names(layers) <- paste0(rep(names, each = 2), c(".s.1", ".s.2"))
    with_layers(layers, function(object) {
      for (given in list(list(NULL, NULL), as.list(names), as.list(tolower(names)))) {
        places <- Map(function(name, kind) find_layer(object, name, splicing_aliases[[kind]], kind),
          given, c("spliced", "unspliced"))
        pair <- count_pair(layer_at(object, places[[1L]]), layer_at(object, places[[2L]]))
        expect_equal(as.matrix(pair$spliced), as.matrix(counts))
        expect_equal(as.matrix(pair$unspliced), as.matrix(unspliced))
      }
      part <- find_layer(object, names(layers)[[1L]], NULL, "spliced")
      # A part alone stands for the whole, which is said: an answer about half of the cells is none about the rest.
      expect_message(whole <- layer_at(object, part, "spliced"), "part of the split layer",
        class = "fatefield_message_layer")
      expect_equal(as.matrix(whole), as.matrix(counts))
    })
  }
})

test_that("layers that hold the same cells are no parts of one, and cells without a part are an error", {
  counts <- tiny_counts()
  with_layers(list(other.a = counts, other.b = counts), function(object) {
    expect_input_error(layer_data(object, "other"), "layer", "the same cells")
  })
  with_layers(list(spliced.a = counts[, 1:20], spliced.b = counts[, 21:40]), function(object) {
    expect_input_error(layer_data(object, "spliced"), "layer", "20 of 60 are without")
  })
})
