# What makes questions quick, and that it changes no answer.

test_that("what is found once in a session is found anew where it depends on something else", {
  made <- 0
  answer <- function(key) once_a_session(list("a test", key), function() {
    made <<- made + 1
    key
  })
  expect_identical(c(answer(1), answer(1), answer(2), answer(1)), c(1, 1, 2, 1))
  expect_identical(made, 2)
})

test_that("genes of terms are each there once and in order", {
  gene <- c("b", "a", NA, "B", "a", "c", NA, "b")
  term <- c("t2", "t2", "t2", "t1", "t2", "t1", "t3", "t1")
  naive <- lapply(split(gene, term), function(g) sort(unique(g)))
  expect_identical(genes_by_term(gene, term), naive)
})

test_that("sets of an annotation package are read once", {
  skip_if_not_installed("GO.db")
  skip_if_not_installed("org.Hs.eg.db")
  first <- GeneSets("org.Hs.eg.db", ontology = "CC")
  expect_lt(system.time(again <- GeneSets("org.Hs.eg.db", ontology = "CC"))[["elapsed"]], 1)
  expect_identical(again, first)
  expect_false(is.unsorted(first$sets[[1L]]))
})

test_that("arms of many genes are those of each gene", {
  object <- perturb_object()
  space <- gene_space(object, GetModel(object))
  cells <- which(object$day == 0)[1:12]
  x <- model_coordinates(object, GetModel(object))[cells, ]
  genes <- space$genes[c(4L, 1L, 9L)]
  for (mode in c("set", "shift", "clamp")) {
    change <- check_change(space, genes, mode, NULL, "z", NULL)
    each <- lapply(genes, function(g) arm_of(space, check_change(space, g, mode, NULL, "z", NULL), x, cells))
    expect_identical(arms_of_genes(space, change, genes, x, cells), each)
  }
})

test_that("members share the usual futures of a screen, and those asked for are those of each", {
  expect_equal(sims_of(NULL, 50, 1L), 40)
  expect_equal(sims_of(NULL, 50, 3L), 14)
  expect_equal(sims_of(NULL, 5000, 3L), 4)
  expect_equal(sims_of(7, 50, 3L), 7)
  object <- DefineFates(perturb_object(), labels = "state")
  early <- which(object$day == 0)[1:20]
  genes <- rownames(object)[1:3]
  screen <- function(n.sim, seed) {
    ScreenPerturbations(object, genes, cells = early, n.null = 0, n.sim = n.sim, seed.use = seed, verbose = FALSE)
  }
  usual <- screen(NULL, 1)
  expect_equal(usual$n.sim, 50)
  expect_identical(usual$table, screen(50, 1)$table)
  # Fewer futures and many are the same but for the Monte-Carlo error of the difference, which cells tell.
  many <- screen(150, 2)
  gap <- abs(usual$effects - many$effects) / sqrt(usual$errors^2 + many$errors^2)
  expect_lt(max(gap, na.rm = TRUE), 4)
})

test_that("sensitivities tell how far they are", {
  skip_if_not_installed("progressr")
  requireNamespace("progressr", quietly = TRUE)
  object <- DefineFates(perturb_object(), labels = "state", exclude = "progenitor")
  steps <- numeric()
  handler <- progressr::make_progression_handler("test", reporter = list(
    update = function(config, state, progression, ...) steps <<- c(steps, state$step)
  ), target = "null", interval = 0, enable = TRUE)
  progressr::with_progress(
    FindFateDrivers(object, fate = "fateA", cells = which(object$day == 0)[1:10], sources = "sensitivity", n.sim = 2,
      predicted = object$state, verbose = FALSE),
    handlers = handler, enable = TRUE
  )
  # Two sides of each dimension and member.
  expect_gt(max(steps), 2 * 2 * length(GetModel(object)$dims) - 2)
})
