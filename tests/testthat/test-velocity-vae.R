# The class VelocityVAE: the same fields as those of FitVelocityField().

test_that("it trains, tells, and comes back from its bytes", {
  data <- field_data()
  options <- FieldOptions(encoder = 16, latent = 4, decoder = 16, epochs = 20)
  engine <- methods::new(VelocityVAE, options, 7)
  expect_output(print(engine), "not trained")
  expect_false(engine$trained())
  expect_error(engine$velocity(data$x), class = "fatefield_error_model")
  report <- engine$fit(data$x, data$y, list(part = rep(0:1, c(180, 20))))
  expect_identical(nrow(report$history), 20L)
  expect_gt(report$kl, 0.1)
  expect_output(print(engine), "4 units in the middle")
  again <- methods::new(VelocityVAE, engine$serialize())
  expect_identical(again$serialize(), engine$serialize())
  expect_identical(again$velocity(data$x), engine$velocity(data$x))
  expect_identical(again$embed(data$x), engine$embed(data$x))
  expect_identical(dim(engine$embed(data$x)), c(200L, 4L))
  jacobian <- engine$jacobian(data$x, 3)
  expect_equal(engine$divergence(data$x)[[3L]], sum(diag(jacobian)))
  delta <- data$y
  expect_equal(engine$jvp(data$x, delta)[3L, ], as.vector(jacobian %*% delta[3L, ]))
  expect_identical(again$kind(), "vae")
  expect_identical(engine$velocity(data$x), field_velocity(engine$serialize(), data$x, 1L))
})

test_that("what cannot be is named", {
  data <- field_data()
  expect_input_error(methods::new(VelocityVAE, FieldOptions("ridge"), 1), "field")
  expect_error(methods::new(VelocityVAE, as.raw(1:20)), class = "fatefield_error_file")
  ridge <- tiny_field("ridge")$states[[1L]]
  expect_error(methods::new(VelocityVAE, ridge), class = "fatefield_error_model")
  engine <- methods::new(VelocityVAE, FieldOptions(epochs = 3, compat = "deepvelo"), 1)
  engine$fit(data$x, data$y, list())
  expect_input_error(engine$jacobian(data$x, 201), "cell")
  expect_error(engine$velocity(data$x[, -1]), class = "fatefield_error_model")
  expect_input_error(engine$fit(data$x, data$y[-1, ], list()), "velocity")
})
