# Counts, normalised counts, their logarithms and roots.

scaled_counts <- function(counts, size) as.matrix(t(t(as.matrix(counts)) / size))

test_that("logarithms to any base and roots of normalised counts are told from counts, whatever divides them", {
  cells <- SimulateDifferentiation(n.cells = 100, n.genes = 60, as = "list", seed.use = 1)
  for (counts in list(as.matrix(cells$counts), as.matrix(cells$unspliced))) {
    total <- pmax(colSums(counts), 1)
    for (size in list(total / mean(total), total / 1e4, 1 + (seq_along(total) * 0.377) %% 1)) {
      x <- scaled_counts(counts, size)
      made <- list(linear = x, log1p = log1p(x), log2 = log2(x + 1), log10 = log10(x + 1), sqrt = sqrt(x))
      for (scale in names(made)) {
        expect_identical(count_scale(made[[scale]]), scale)
        expect_identical(count_scale(methods::as(made[[scale]], "CsparseMatrix")), scale)
      }
    }
  }
})

test_that("every door that wants counts refuses logarithms, and takes normalised counts", {
  cells <- SimulateDifferentiation(n.cells = 60, n.genes = 40, as = "list", seed.use = 1)
  normal <- function(x) scaled_counts(x, Matrix::colSums(cells$counts) / 50)
  object <- SeuratObject::CreateSeuratObject(cells$counts, assay = "RNA")
  in_object <- function(f) {
    object <- add_assay(object, "spliced", new_assay(data = f(normal(cells$counts)), key = "sp_"))
    add_assay(object, "unspliced", new_assay(data = f(normal(cells$unspliced)), key = "un_"))
  }
  doors <- list(
    matrix = function(f) EstimateVelocity(f(normal(cells$counts)), f(normal(cells$unspliced)), verbose = FALSE),
    unspliced = function(f) EstimateVelocity(normal(cells$counts), f(normal(cells$unspliced)), verbose = FALSE),
    object = function(f) EstimateVelocity(in_object(f), verbose = FALSE),
    stemness = function(f) StemnessScore(f(normal(cells$counts)), cells$latent, n.neighbors = 5)
  )
  bases <- list("log1p" = log1p, "log2" = function(x) log2(x + 1), "log10" = function(x) log10(x + 1), "sqrt" = sqrt)
  for (door in names(doors)) {
    expect_no_error(doors[[door]](identity))
    for (base in names(bases)) {
      e <- tryCatch(doors[[door]](bases[[base]]), error = identity)
      expect_s3_class(e, "fatefield_error_input")
      expect_match(conditionMessage(e), base, info = door)
    }
  }
})

test_that("spliced and unspliced counts that are the same are an error", {
  counts <- tiny_counts()
  expect_input_error(EstimateVelocity(counts, counts), "unspliced", "the same values")
  expect_input_error(EstimateVelocity(as.matrix(counts), counts), "unspliced", "the same values")
})
