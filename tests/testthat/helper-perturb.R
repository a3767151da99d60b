# Simulated cells with a model of two members, on which genes are perturbed; made once in each file of tests.
perturb_object <- local({
  made <- NULL
  function() {
    if (is.null(made)) {
      object <- SimulateDifferentiation(n.cells = 240, n.genes = 30, n.futures = 0)
      made <<- tiny_fit(object, reduction = "pca", n.models = 2L)
    }
    made
  }
})
