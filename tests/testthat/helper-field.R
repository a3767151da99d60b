# Two hundred cells of the two-branch system with velocities, made once; and a field trained in a second.

field_cells <- local({
  made <- list()
  function(as = "seurat") {
    if (is.null(made[[as]])) {
      cells <- SimulateTwoBranch(n.cells = 200L, n.genes = 36L, as = as)
      made[[as]] <<- EstimateVelocity(cells, genes = rownames(cells), nfeatures = 0, verbose = FALSE)
    }
    made[[as]]
  }
})

# list(x, y): states and velocities, cells x genes.
field_data <- function() velocity_states(field_cells())[c("x", "y")]

tiny_field <- function(field = "vae", ..., data = field_data()) {
  args <- list(data$x, data$y, field = field, epochs = 30L, verbose = FALSE)
  if (field %in% c("vae", "ae")) args <- c(args, list(encoder = 32L, latent = 8L, decoder = 32L))
  do.call(FitVelocityField, utils::modifyList(args, list(...)))
}
