# EstimateVelocity() against scVelo on its own sets, raw and preprocessed.

for (set in golden_sets) {
  for (mode in c("deterministic", "stochastic")) {
    test_that(paste(set, mode, "velocities are scVelo's"), {
      object <- golden_object(set)
      object <- EstimateVelocity(object, mode = mode, parity = TRUE, variance = TRUE, verbose = FALSE)
      found <- fetch_velocity(object)
      wanted <- golden_table(set, mode)
      expect_rows_near(found$velocity, golden_array(set, mode, "velocity"), 1e-5)
      expect_equal(found$genes$velocity_gamma, wanted$velocity_gamma, tolerance = 1e-5)
      expect_equal(found$genes$velocity_qreg_ratio, wanted$velocity_qreg_ratio, tolerance = 1e-5)
      expect_equal(found$genes$velocity_r2, wanted$velocity_r2, tolerance = 1e-5)
      expect_identical(rownames(found$genes), rownames(wanted))
      expect_identical(found$genes$velocity_genes, wanted$velocity_genes)
      if (mode == "stochastic") {
        expect_rows_near(found$variance, golden_array(set, mode, "variance_velocity"), 1e-5)
      }
    })
  }

  test_that(paste(set, "velocities hardly change when neighbours and moments are found anew"), {
    object <- golden_object(set)
    found <- fetch_velocity(EstimateVelocity(
      object, parity = TRUE, reduction = "pca", moments = FALSE, verbose = FALSE
    ))
    wanted <- golden_table(set, "stochastic")
    expect_equal(found$genes$velocity_gamma, wanted$velocity_gamma, tolerance = 1e-5)
    expect_identical(found$genes$velocity_genes, wanted$velocity_genes)
    expect_rows_near(found$velocity, golden_array(set, "stochastic", "velocity"), 1e-4)
    expect_true(setequal_rows(found$knn$index, golden_neighbours(set)))
    moments <- velocity_moments(found)
    stored <- lapply(list(Ms = "Ms", Mu = "Mu"), function(a) as.matrix(layer_data(object, "data", a)))
    expect_rows_near(moments$Ms, stored$Ms, 1e-5)
    expect_rows_near(moments$Mu, stored$Mu, 1e-5)
  })

  test_that(paste(set, "moments of every kind are scVelo's"), {
    object <- golden_object(set)
    layers <- list(
      None = stored_x(object), spliced = layer_data(object, "data", "spliced"),
      unspliced = layer_data(object, "data", "unspliced")
    )
    knn <- fetch_velocity(EstimateVelocity(object, parity = TRUE, verbose = FALSE))$knn
    one <- rep(1, ncol(object))
    for (mode in c("connectivities", "distances")) {
      how <- list(
        spliced.size = one, unspliced.size = one, neighbours = knn, directed = mode == "distances"
      )
      moments <- function(s, u) gene_moments(s, u, how, seq_len(nrow(s)), TRUE, 1L)
      for (layer in names(layers)) {
        found <- moments(layers[[layer]], layers[[layer]])
        at <- function(order) {
          golden_array("moments", set, paste0("layer_", layer), paste0("mode_", mode, "_", order))
        }
        expect_rows_near(found$Ms, at("first_moment"), 1e-5)
        expect_rows_near(found$Mss, at("second_moment"), 1e-5)
        expect_identical(found$Mu, found$Ms)
        expect_identical(found$Mus, found$Mss)
      }
      if (mode == "distances") next
      mixed <- moments(layers$spliced, layers$unspliced)$Mus
      expect_rows_near(
        mixed, golden_array("moments", set, paste0("mode_", mode, "_second_moment_mixed")), 1e-5
      )
    }
  })
}

for (set in c("pancreas_50obs", "dentategyrus_100obs")) {
  test_that(paste(set, "is filtered, normalised and cut down from the raw counts as by scVelo"), {
    skip_without_hdf5()
    raw <- ReadH5AD(skip_without_shared("golden", paste0(set, ".h5ad")), verbose = FALSE)
    wanted <- golden_object(set)
    found <- fetch_velocity(EstimateVelocity(
      raw, mode = "deterministic", parity = TRUE, nfeatures = 200, verbose = FALSE
    ))
    genes <- rownames(found$genes)
    expect_identical(genes, rownames(wanted))
    for (layer in c("spliced", "unspliced")) {
      size <- found$cells[[paste0(layer, "_size")]]
      normalised <- sweep(as.matrix(found$inputs[[layer]][genes, ]), 2L, size, "/")
      expect_equal(normalised, as.matrix(layer_data(wanted, "data", layer)), tolerance = 1e-6)
    }
    data <- feature_data(wanted)
    expect_equal(found$genes$means, data$means, tolerance = 1e-6)
    expect_equal(found$genes$dispersions, data$dispersions, tolerance = 1e-5)
    expect_lt(max(abs(found$genes$dispersions_norm - data$dispersions_norm)), 1e-5)
    expect_true(all(found$genes$highly_variable))

    rows <- match(genes, rownames(found$inputs$spliced))
    scores <- velocity_components(
      found$inputs$spliced, found$cells$spliced_size, rows, 30, 1L
    )$scores
    pca <- SeuratObject::Embeddings(wanted, "pca")
    expect_lt(max(abs(abs(scores) - abs(pca))), 2e-4)
    expect_true(setequal_rows(found$knn$index, golden_neighbours(set)))

    fuzzy <- fuzzy_neighbours(found$knn, 1L)
    stored <- methods::as(wanted[["connectivities"]], "dgCMatrix")
    expect_identical(fuzzy@p, stored@p)
    expect_identical(fuzzy@i, stored@i)
    expect_lt(max(abs(fuzzy@x - stored@x)), 2e-5)

    moments <- velocity_moments(found)
    for (layer in c("Ms", "Mu")) {
      expect_rows_near(moments[[layer]], as.matrix(layer_data(wanted, "data", layer)), 1e-5)
    }
    gammas <- golden_table(set, "deterministic")$velocity_gamma
    expect_equal(found$genes$velocity_gamma, gammas, tolerance = 1e-5)
  })
}
