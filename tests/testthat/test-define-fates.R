# DefineFates(): said once, used by all verbs, follows the cells, and gives each label its colour.

defined <- function(object = tiny_seurat(), ...) {
  DefineFates(object, labels = "state", exclude = "progenitor", k = 5, cutoff = 0, ...)
}

with_model <- function(object) store_model(object, stub_model(dims = colnames(embedding(object))))

predicted_with <- function(object, ...) {
  with_engines(list(fork_engine()), PredictFate(object, n.sim = 6, verbose = FALSE, ...))
}

test_that("a definition says what it was told", {
  definition <- DefineFates(
    tiny_cells()$x, labels = tiny_cells()$label, exclude = "progenitor", reference = which(tiny_cells()$time == 2),
    cols = c(up = "firebrick")
  )
  table <- as.data.frame(definition)
  expect_identical(table$label, c("progenitor", "up", "down"))
  expect_identical(table$fate, c(FALSE, TRUE, TRUE))
  expect_equal(table$cells, c(40, 10, 10))
  expect_equal(table$reference, c(0, 10, 10))
  expect_identical(table$colour[[2]], "firebrick")
  expect_identical(length(unique(table$colour)), 3L)
  expect_output(print(definition), "2 fates: \"up\", \"down\"")
  expect_output(print(definition), "reference: 20 labelled cells")
  expect_s3_class(plot(definition), "ggplot")
  expect_identical(definition["up"]$table$label, "up")
})

test_that("verbs without labels take those of the definition, and all else of it", {
  for (object in tiny_objects()) {
    object <- with_model(object)
    last <- which(tiny_cells()$time == 2)
    said <- predicted_with(
      object, labels = "state", exclude = "progenitor", k = 5, cutoff = 0, reference = last, weights = "distance"
    )
    once <- predicted_with(defined(object, reference = last, weights = "distance"))
    expect_identical(GetResult(once, "fates"), GetResult(said, "fates"))
    # The first prediction leaves its definition behind.
    expect_identical(GetResult(predicted_with(said), "fates"), GetResult(said, "fates"))
    expect_identical(GetResult(said, "definition")$reference, cell_names(object)[last])
  }
})

test_that("what the call says rules; other labels take nothing but the colours", {
  object <- with_model(defined(cols = c(up = "firebrick")))
  object$kind <- ifelse(tiny_cells()$label == "up", "up", "rest")
  definition <- fate_definition(object, labels = "kind")
  expect_null(definition$exclude)
  expect_identical(definition$options$label$k, label_defaults()$k)
  expect_identical(definition$cols[["up"]], "firebrick")
  kept <- fate_definition(object, fates = c("up", "down"))
  expect_null(kept$exclude)
  expect_equal(kept$options$label$k, 5)
  expect_equal(fate_definition(object, k = 7)$options$label$k, 7)
  expect_identical(fate_definition(object, k = 7)$exclude, "progenitor")
  expect_null(fate_definition(object, labels = as.character(object$state))$exclude)
})

test_that("labels given as values, and the reference, follow subset, order and names of the cells", {
  for (object in tiny_objects()) {
    values <- as.character(tiny_cells()$label)
    last <- which(tiny_cells()$time == 2)
    object <- DefineFates(object, labels = values, exclude = "progenitor", reference = last)
    some <- c(60:31, 3, 6)
    part <- object[, some]
    now <- match(cell_names(part), cell_names(object))
    got <- fate_definition(part)
    expect_identical(as.character(got$labels), values[now])
    expect_identical(got$reference, which(now %in% last))
    if (is_seurat(part)) {
      part <- SeuratObject::RenameCells(part, new.names = paste0("new", rev(seq_len(ncol(part)))))
    } else {
      colnames(part) <- paste0("new", rev(seq_len(ncol(part))))
    }
    renamed <- fate_definition(part)
    expect_identical(as.character(renamed$labels), values[now])
    expect_identical(renamed$reference, got$reference)
  }
})

test_that("a definition whose reference cells are gone is stale", {
  for (object in tiny_objects()) {
    object <- defined(object, reference = which(tiny_cells()$time == 2))
    early <- object[, tiny_cells()$time < 2]
    e <- expect_error(fate_definition(early), "none of its reference cells", class = "fatefield_error_stale")
    expect_match(conditionMessage(e), "DefineFates()", fixed = TRUE)
    # A reference in the call needs none of them.
    expect_identical(fate_definition(early, reference = 1:5)$reference, 1:5)
  }
})

test_that("a label has one colour in every figure of an object", {
  colours_in <- function(layer, aesthetic, of) {
    found <- unique(data.frame(colour = layer[[aesthetic]], of = of))
    stats::setNames(found$colour, found$of)
  }
  cols <- c(up = "#112233", down = "#445566", progenitor = "#778899")
  for (object in tiny_objects()[c("v3", "sce")]) {
    if (is.null(object)) next
    object <- with_model(defined(object, cols = cols))
    object <- predicted_with(object)
    object <- with_engines(list(fork_engine()), FateDynamics(object, n.sim = 6, n.neighbors = 5, verbose = FALSE))
    drawn <- function(plot, layer = 1L) ggplot2::ggplot_build(plot)$data[[layer]]
    of_scale <- function(plot, aesthetic = "colour") {
      scale <- ggplot2::ggplot_build(plot)$plot$scales$get_scales(aesthetic)
      values <- scale$palette(0)
      values[names(values) %in% names(cols)]
    }
    expect_in_colours <- function(shown) {
      expect_gt(length(shown), 1L)
      expect_identical(shown, cols[names(shown)])
    }
    expect_in_colours(of_scale(PlotFate(object)))
    fates <- GetResult(object, "fates")
    histogram <- drawn(plot(fates))
    expect_setequal(histogram$fill, unname(cols[c("up", "down")]))
    expect_in_colours(of_scale(PlotCommitment(object), "fill"))
    expect_in_colours(of_scale(PlotCommitment(object, type = "passage")))
    expect_in_colours(of_scale(plot(GetResult(object, "dynamics")), "fill"))
    scores <- ScoreFate(object, "state", n.boot = 0)
    expect_in_colours(of_scale(plot(scores, type = "confusion"), "fill"))
    shown <- PlotFate(object)
    layer <- drawn(shown, 2L)
    expect_identical(unique(layer$colour[shown$data$fate == "up"]), "#112233")
    expect_identical(unique(layer$colour[shown$data$fate == "down"]), "#445566")
    # New colours are those of old results, too; those of the call rule.
    object <- defined(object, cols = c(up = "#ABCDEF"))
    expect_identical(unique(drawn(PlotFate(object), 2L)$colour[shown$data$fate == "up"]), "#ABCDEF")
    own <- PlotFate(object, cols = c(up = "#000000"))
    expect_identical(unique(drawn(own, 2L)$colour[own$data$fate == "up"]), "#000000")
    in.order <- PlotFate(object, cols = c("#000001", "#000002"))
    expect_setequal(drawn(in.order, 2L)$colour, c("#000001", "#000002"))
  }
})

test_that("what cannot be defined is answered with the argument's name", {
  x <- tiny_cells()$x
  label <- tiny_cells()$label
  expect_input_error(DefineFates(x), "labels")
  expect_input_error(DefineFates(tiny_seurat(), labels = "stat"), "labels", "Did you mean \"state\"")
  expect_input_error(DefineFates(x, labels = label, exclude = "upp"), "exclude", "Did you mean \"up\"")
  expect_input_error(DefineFates(x, labels = label, fates = "up"), "fates", "leaves 1 fate")
  expect_input_error(DefineFates(x, labels = label, reference = "nobody"), "reference")
  expect_input_error(DefineFates(x, labels = replace(label, 1:3, NA), reference = 1:3), "reference", "none of these")
  expect_input_error(DefineFates(x, labels = label, k = 0), "k")
  expect_input_error(DefineFates(x, labels = label, vote = "loud"), "vote")
  expect_input_error(DefineFates(x, labels = label, cols = c(up = "nocolour")), "cols", "nocolour")
  expect_input_error(DefineFates(x, labels = label, cols = "red"), "cols")
  expect_input_error(DefineFates(tiny_seurat(), labels = "state", exlude = "up"), "exlude", "exclude")
})
