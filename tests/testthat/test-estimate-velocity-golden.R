# EstimateVelocity() against scVelo on its own preprocessed sets.

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
}
