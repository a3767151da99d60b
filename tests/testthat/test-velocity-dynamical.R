# The dynamical mode of EstimateVelocity() against scVelo, known rates and the equations themselves; latent time.

fit_columns <- c(
  "fit_alpha", "fit_beta", "fit_gamma", "fit_t_", "fit_scaling", "fit_std_u", "fit_std_s", "fit_likelihood",
  "fit_pval_steady", "fit_steady_u", "fit_steady_s", "fit_variance", "fit_alignment_scaling"
)

for (set in golden_sets) {
  test_that(paste(set, "kinetics and velocities are scVelo's"), {
    object <- golden_object(set)
    object <- EstimateVelocity(object, mode = "dynamical", parity = TRUE, velocity.u = TRUE, verbose = FALSE)
    found <- fetch_velocity(object)
    wanted <- golden_table(set, "dynamical")
    # What no branch of the fit reaches.
    expect_identical(rownames(found$genes), rownames(wanted))
    expect_equal(found$genes$fit_r2, wanted$fit_r2, tolerance = 1e-9)
    expect_identical(is.na(found$genes$fit_alpha), is.na(wanted$fit_alpha))
    for (column in c("fit_std_u", "fit_std_s", "fit_pval_steady", "fit_steady_s")) {
      expect_equal(found$genes[[column]], wanted[[column]], tolerance = 1e-9, label = column)
    }
    expect_identical(found$genes$velocity_genes, wanted$velocity_genes)

    fitted <- which(!is.na(wanted$fit_alpha))
    expect_identical(rownames(found$fit_t), rownames(wanted)[fitted])
    values <- as.matrix(wanted[fitted, fit_columns])
    off <- apply(abs(as.matrix(found$genes[fitted, fit_columns]) - values) / abs(values), 1L, max)
    # Velocities of cells in steady states are 0 but for rounding.
    turnover <- wanted$fit_gamma[fitted] * wanted$fit_std_s[fitted]
    near <- function(x, part, floor) {
      y <- golden_array(set, "dynamical", part)[fitted, ]
      apply(abs(x - y), 1L, max) / pmax(apply(abs(y), 1L, max), floor)
    }
    worst <- pmax(
      off, near(found$velocity[fitted, ], "velocity", turnover), near(found$u[fitted, ], "velocity_u", turnover),
      near(found$fit_t, "fit_t", 0)
    )
    expect_gte(mean(worst < 1e-6), 0.9)
    expect_true(all(is.nan(found$velocity[-fitted, ])))
  })
}
