# What CoexpressionNetwork() found, in words and as a figure: hubs of each module and the strongest edges between them.

headline.fatefield_network <- function(x) {
  none <- sum(is.na(x$table$module))
  how <- if (x$edges$kind == "soft") {
    paste0("r^", format(x$edges$power), if (!x$edges$signed) " of |r|")
  } else {
    paste0(if (x$edges$signed) "r" else "|r|", " of at least ", format(x$edges$threshold))
  }
  m <- utils::head(x$modules, 4L)
  c(
    paste0("network of ", counted(nrow(x$table), "gene"), " over ", counted(x$n, "state"), ", edges ", how),
    paste0(counted(nrow(x$modules), "module"), " at resolution ", format(x$resolution, digits = 3L), ", ",
      counted(none, "gene"), " in none"),
    if (nrow(m) > 0L) paste0(paste0(m$module, ": ", m$size, " genes around ", m$hub, " (", round(100 * m$explained),
      " % of their variance)", collapse = ", "), if (nrow(x$modules) > nrow(m)) ", ...")
  )
}

#' @rdname CoexpressionNetwork
#' @export
summary.fatefield_network <- function(object, ...) object$modules

subset_result.fatefield_network <- function(x, keep) {
  at <- match(keep, x$table$gene)
  x <- subset_result.default(x, keep)
  x$membership <- x$membership[at, , drop = FALSE]
  x$correlation <- x$correlation[at, at, drop = FALSE]
  x$graph <- x$graph[at, at, drop = FALSE]
  x$table$module <- droplevels(x$table$module)
  x$modules <- x$modules[x$modules$module %in% levels(x$table$module), ]
  rownames(x$modules) <- NULL
  x
}

#' @rdname CoexpressionNetwork
#' @param x A network.
#' @param modules (strings) Of the figure: modules to draw; `NULL` takes the 8 largest.
#'   The hubs of each are drawn, larger the more closely they follow their module, with the strongest edges between
#'   them; `genes` are drawn and named, too.
#'   Places are found by forces, from a fixed start, so that the same network gives the same picture.
#' @param n.hubs,n.edges,n.label Of the figure: genes of each module, strongest edges of each gene, and hubs of each
#'   module that are named; defaults 15, 3 and 5.
#' @param cols Of the figure: colours by module.
#' @param repel Of the figure: keep names apart where ggrepel is installed? Default `TRUE`.
#' @export
plot.fatefield_network <- function(x, modules = NULL, genes = NULL, n.hubs = 15L, n.edges = 3L, n.label = 5L,
                                   cols = NULL, repel = TRUE, ...) {
  check_no_dots(names(formals(plot.fatefield_network)), ...)
  if (nrow(x$modules) == 0L) stop_input("x", "`x` has no modules to draw.")
  present <- x$modules$module
  modules <- if (is.null(modules)) utils::head(present, 8L) else check_modules(modules, present)
  n.hubs <- check_count(n.hubs, "n.hubs")
  n.label <- check_count(n.label, "n.label", min = 0L)
  table <- x$table
  if (!is.null(genes)) genes <- known_genes(genes, table$gene)
  shown <- which((table$module %in% modules & table$rank <= n.hubs) | table$gene %in% genes)
  nodes <- table[shown, ]
  edges <- strong_edges(x$graph[shown, shown], check_count(n.edges, "n.edges"))
  place <- force_layout(edges, start_places(nodes, modules), length(shown))
  nodes$x <- place[, 1L]
  nodes$y <- place[, 2L]
  nodes$label <- ifelse((!is.na(nodes$rank) & nodes$rank <= n.label) | nodes$gene %in% genes, nodes$gene, "")
  draw_network(nodes, edges, modules, cols, check_flag(repel, "repel"))
}

check_modules <- function(modules, present) {
  lost <- setdiff(modules, present)
  if (length(lost) > 0L) {
    stop_input("modules", "`modules`: there is no module ", quoted(lost[[1L]]), "; there are ", quoted(present), ".")
  }
  unique(modules)
}

# The strongest edges of each node: data.frame(from, to, weight, share), each pair once.
strong_edges <- function(graph, n.edges) {
  all <- data.frame(from = graph@i + 1L, to = columns_of(graph), weight = graph@x)
  all <- all[order(all$to, -all$weight), ]
  all <- all[sequence(rle(all$to)$lengths) <= n.edges, ]
  pairs <- unique(data.frame(from = pmin(all$from, all$to), to = pmax(all$from, all$to), weight = all$weight))
  pairs$share <- if (nrow(pairs) > 0L) pairs$weight / max(pairs$weight) else numeric()
  pairs
}

# Modules on a circle, genes of a module on a small one around its place, hubs first.
start_places <- function(nodes, modules) {
  m <- match(nodes$module, modules, nomatch = length(modules) + 1L)
  centre <- 2 * pi * m / max(m)
  within <- stats::ave(m, m, FUN = seq_along)
  angle <- within * pi * (3 - sqrt(5))
  radius <- 0.12 * sqrt(within)
  cbind(1.6 * cos(centre) + radius * cos(angle), 1.6 * sin(centre) + radius * sin(angle))
}

# Nodes push each other off with the square of the ideal distance over theirs, edges pull with the square of
# their length (Fruchterman and Reingold, Software 21, 1991), while steps become smaller. All are drawn to the
# middle, else parts without edges between them would fly apart.
force_layout <- function(edges, place, n, n.iter = 150L) {
  if (n < 2L) {
    return(place)
  }
  ideal <- 2 / sqrt(n)
  for (heat in seq(0.1, 0.002, length.out = n.iter)) {
    dx <- outer(place[, 1L], place[, 1L], `-`)
    dy <- outer(place[, 2L], place[, 2L], `-`)
    d2 <- pmax(dx^2 + dy^2, 1e-6)
    move <- cbind(rowSums(dx / d2), rowSums(dy / d2)) * ideal^2
    along <- place[edges$from, , drop = FALSE] - place[edges$to, , drop = FALSE]
    pull <- along * sqrt(rowSums(along^2)) / ideal * edges$share / 4
    move <- move - sum_rows(pull, edges$from, n) + sum_rows(pull, edges$to, n) - 0.5 * place
    length <- sqrt(rowSums(move^2))
    place <- place + move * pmin(1, heat / pmax(length, 1e-12))
  }
  place
}

sum_rows <- function(x, at, n) {
  out <- matrix(0, n, ncol(x))
  sums <- rowsum(x, at)
  out[as.integer(rownames(sums)), ] <- sums
  out
}

draw_network <- function(nodes, edges, modules, cols, repel) {
  lines <- data.frame(
    x = nodes$x[edges$from], y = nodes$y[edges$from], xend = nodes$x[edges$to], yend = nodes$y[edges$to],
    share = edges$share
  )
  nodes$module <- factor(nodes$module, levels = modules)
  nodes$size <- ifelse(is.na(nodes$kME), 0.3, pmax(nodes$kME, 0))
  ggplot2::ggplot(nodes, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_segment(
      data = lines, ggplot2::aes(xend = .data$xend, yend = .data$yend, alpha = .data$share), colour = "grey45",
      linewidth = 0.35
    ) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$module, size = .data$size)) +
    node_names(nodes[order(nodes$rank), ], repel) + scale_labels(modules, cols) +
    ggplot2::scale_size_continuous(name = "kME", range = c(0.8, 4)) +
    ggplot2::scale_alpha_continuous(range = c(0.1, 0.7), guide = "none") +
    ggplot2::labs(x = NULL, y = NULL) + ggplot2::coord_equal(clip = "off") + big_key() + theme_cells() +
    ggplot2::theme(axis.line = ggplot2::element_blank())
}

# Names of nodes that have one, hubs first, where they find room.
node_names <- function(nodes, repel) {
  named <- nodes[nodes$label != "", ]
  if (repel && requireNamespace("ggrepel", quietly = TRUE)) {
    return(ggrepel::geom_text_repel(
      data = named, mapping = ggplot2::aes(label = .data$label), size = 2.9, seed = 1, min.segment.length = 0.5,
      max.overlaps = 20
    ))
  }
  ggplot2::geom_text(data = named, ggplot2::aes(label = .data$label), size = 2.9, vjust = -0.9, check_overlap = TRUE)
}
