"""The operators of ONNX itself, as PyTorch's two exporters write them. It only recognises."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from edgebnn.frontend import shapes
from edgebnn.frontend.expressions import check_operators
from edgebnn.frontend.folding import constant_of
from edgebnn.frontend.graph import Array, Node, as_integers
from edgebnn.frontend.operations import (
    Call,
    Dialect,
    Dropping,
    Elementwise,
    Forwarding,
    Knowing,
    Operand,
    Operands,
    Operation,
    Padding,
    Pooling,
    Recogniser,
    Term,
    WeightedSum,
)
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.windows import rounded_up, window_of

_AGAIN = "export the model again"

# Gemm's kernels in onnxruntime put the bias in first and add the products in blocks of 256 inputs: up to one block the
# bias is added to the whole sum (tried with onnxruntime 1.32).
_GEMM_BLOCK = 256


def _conv(node: Node, operands: Operands) -> Operation:
    weights = operands.constant(1, "weights")
    if weights.ndim not in (3, 4):
        raise Refusal(f"has weights with {weights.ndim} axes", "only 1-d and 2-d convolutions are mapped")
    kernel = weights.shape[2:]
    if node.integers("kernel_shape", kernel) != kernel:
        raise Refusal("has a kernel_shape that is not its weights' shape", _AGAIN)
    window = window_of(node, operands, kernel)
    return WeightedSum(weights, _bias(operands, 2), window, node.integer("group", 1))


def _gemm(node: Node, operands: Operands) -> Operation:
    weights = _matrix(operands)
    if node.integer("transA", 0):
        raise Refusal("transposes its input", "put the batch axis first")
    if not node.integer("transB", 0):
        weights = weights.T
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    bias = _bias(operands, 2)
    if bias is not None:
        if bias.size not in (1, len(weights)):
            raise Refusal(f"has a bias of {bias.size} values for {len(weights)} neurons", _AGAIN)
        bias = np.broadcast_to((np.float32(beta) * bias).reshape(-1), (len(weights),))
    return WeightedSum(np.float32(alpha) * weights, bias, bias_first=weights.shape[1] > _GEMM_BLOCK)


def _matmul(node: Node, operands: Operands) -> Operation:
    return WeightedSum(_matrix(operands).T)


def _matrix(operands: Operands) -> Array:
    if operands.optional(0) is not None:
        raise Refusal("has its constant on the left", "write the layer as input times weights")
    weights = operands.constant(1, "weights")
    shape = operands.shapes[0]  # unknown behind another problem, but the weights can be judged all the same
    if weights.ndim != 2 or (shape is not None and len(shape) != 2):
        raise Refusal("multiplies tensors that are not matrices", "flatten to (batch, features) before a dense layer")
    return weights


def _bias(operands: Operands, index: int) -> Array | None:
    return operands.constant(index, "biases").reshape(-1) if operands.has(index) else None


def _batch_normalization(node: Node, operands: Operands) -> Operation:
    """Batch norm as onnxruntime's CPU kernel computes it, bit for bit (tried with optimisations off).

    In float32: inverse = 1 / sqrt(variance + epsilon); factor = scale * inverse; shift = bias - mean * factor;
    y = x * factor + shift, product and sum each rounded.
    """
    if node.integer("training_mode", 0) or len([name for name in node.outputs if name]) > 1:
        raise Refusal("is in training mode", "export the model in evaluation mode (model.eval())")
    names = ("scales", "biases", "means", "variances")
    scale, bias, mean, variance = (operands.constant(i, name) for i, name in enumerate(names, start=1))
    if not scale.shape == bias.shape == mean.shape == variance.shape or scale.ndim != 1:
        raise Refusal("has parameters of different lengths", _AGAIN)
    with np.errstate(all="ignore"):
        inverse = np.float32(1) / np.sqrt(variance + np.float32(node.number("epsilon", 1e-5)))
        factor = scale * inverse
        shift = bias - mean * factor
    if not (np.isfinite(factor).all() and np.isfinite(shift).all()):
        raise Refusal("has a variance that is negative, or parameters out of range", "train the model again")
    axes = (1, -1) + (1,) * (len(operands.shape(0)) - 2)
    return Elementwise(Call("Add", (Call("Mul", (Operand(0), factor.reshape(axes))), shift.reshape(axes))))


def _binary(operator: str) -> Recogniser:
    return lambda node, operands: Elementwise(Call(operator, _terms(operands, 2)))


def _comparison(operator: str) -> Recogniser:
    return lambda node, operands: Elementwise(Call(operator, _terms(operands, 2)), result="bool")


def _logical(operator: str, count: int) -> Recogniser:
    return lambda node, operands: Elementwise(Call(operator, _terms(operands, count)), result="bool", takes=("bool",))


def _unary(operator: str) -> Recogniser:
    return lambda node, operands: Elementwise(Call(operator, (Operand(0),)))


def _many(operator: str) -> Recogniser:
    def recognise(node: Node, operands: Operands) -> Operation:
        check_operators(len(operands.present) - 1)  # each operand nests the calls one deeper
        first, *others = _terms(operands, len(operands.present))
        for other in others:
            first = Call(operator, (first, other))
        return Elementwise(first) if isinstance(first, Call) else Forwarding()

    return recognise


def _div(node: Node, operands: Operands) -> Operation:
    divisor = operands.constant(1, "divisors")
    if np.any(divisor == 0):
        raise Refusal("divides by zero", "check the constant and export the model again")
    return Elementwise(Call("Div", _terms(operands, 2)))


def _terms(operands: Operands, count: int) -> tuple[Term, ...]:
    """The operands as terms: constants by value, the others by place."""
    terms: list[Term] = []
    for index in range(count):
        value = operands.optional(index)
        if not operands.has(index):
            raise Refusal(f"lacks its operand {index}", _AGAIN)
        terms.append(Operand(index) if value is None else value)
    return tuple(terms)


def _where(node: Node, operands: Operands) -> Operation:
    if operands.optional(0) is not None:
        raise Refusal("chooses elements by place, not by value", "use an activation that treats all elements alike")
    return Elementwise(Call("Where", _terms(operands, 3)), takes=("bool", "float", "float"))


def _clip(node: Node, operands: Operands) -> Operation:
    low, high = (_bound(node, operands, *which) for which in ((1, "min", -np.inf), (2, "max", np.inf)))
    term: Term = Operand(0)
    if low > -np.inf:
        term = Call("Max", (term, low))
    if high < np.inf:
        term = Call("Min", (term, high))
    return Elementwise(term) if isinstance(term, Call) else Forwarding()


def _bound(node: Node, operands: Operands, index: int, name: str, missing: float) -> Array:
    """A bound of a clip: an attribute in old opsets, an operand in newer ones."""
    if operands.opset >= 11 and operands.has(index):
        return operands.constant(index, "bounds").reshape(())
    return np.asarray(node.number(name, missing) if operands.opset < 11 else missing, np.float32)


def _cast(node: Node, operands: Operands) -> Operation:
    match node.integer("to", 0):
        case TensorProto.FLOAT:
            return Elementwise(Call("ToFloat", (Operand(0),)), takes=("any",))
        case TensorProto.BOOL:
            return Elementwise(Call("ToBool", (Operand(0),)), result="bool", takes=("any",))
        case TensorProto.INT8 | TensorProto.INT16 | TensorProto.INT32 | TensorProto.INT64:
            whole = Call("Truncate", (Call("ToFloat", (Operand(0),)),))
            return Elementwise(whole, result="integer", takes=("any",))
        case _:
            raise Refusal("casts to an element type other than float32", "export the model in float32")


def _max_pool(node: Node, operands: Operands) -> Operation:
    if len([name for name in node.outputs if name]) > 1:
        raise Refusal("gives the places of its maxima", "export the model without return_indices")
    kernel = node.integers("kernel_shape")
    if not kernel or len(kernel) not in (1, 2):
        raise Refusal("has no kernel of one or two axes", "only 1-d and 2-d pooling are mapped")
    window = window_of(node, operands, kernel)
    if node.integer("ceil_mode", 0):
        window = rounded_up(window, operands.shape(0)[2:])
    return Pooling(window)


def _pad(node: Node, operands: Operands) -> Operation:
    if node.text("mode", "constant") != "constant":
        raise Refusal("pads with values of the map itself", "pad with a constant")
    if operands.opset < 11:
        pads, value = node.integers("pads") or (), node.number("value", 0.0)
    else:
        pads = as_integers(operands.constant(1, "pads"), "pads")
        value = float(operands.constant(2, "values").reshape(())) if operands.has(2) else 0.0
    rank = len(operands.shape(0))
    if operands.has(3):
        axes = [axis % rank for axis in as_integers(operands.constant(3, "axes"), "axes")]
        full = [0] * 2 * rank
        for place, axis in enumerate(axes):
            full[axis], full[rank + axis] = pads[place], pads[len(axes) + place]
        pads = tuple(full)
    if len(pads) != 2 * rank or any(pads[i] for i in (0, 1, rank, rank + 1)) or min(pads) < 0:
        raise Refusal("pads the batch or channel axis, or crops", "pad the spatial axes alone")
    return Padding(pads[2:rank], pads[rank + 2 :], value)


def _softmax(node: Node, operands: Operands) -> Operation:
    if node.integer("axis", 1 if operands.opset < 13 else -1) not in (1, -1) or len(operands.shape(0)) != 2:
        raise Refusal("is not over the scores of each sample", "apply it to (batch, scores) along axis 1")
    return Dropping(
        f"the final {node.operator} '{node.name}' is left out: the answer is its input, whose arg max is the same"
    )


def _arg_max(node: Node, operands: Operands) -> Operation:
    if node.integer("axis", 0) not in (1, -1) or len(operands.shape(0)) != 2:
        raise Refusal("is not over the scores of each sample", "apply it to (batch, scores) along axis 1")
    if node.integer("select_last_index", 0):
        raise Refusal("takes the last of equal scores", "let it take the first (select_last_index = 0)")
    return Dropping(f"the final ArgMax '{node.name}' is left out: the answer is the scores that it compares")


def _dropout(node: Node, operands: Operands) -> Operation:
    training = operands.optional(2)
    if training is not None and bool(np.any(training)):
        raise Refusal("is in training mode", "export the model in evaluation mode (model.eval())")
    return Forwarding()


OPERATORS: dict[str, Recogniser] = {
    "Abs": _unary("Abs"),
    "Add": _binary("Add"),
    "And": _logical("And", 2),
    "ArgMax": _arg_max,
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Ceil": _unary("Ceil"),
    "Clip": _clip,
    "Constant": lambda node, operands: Knowing(constant_of(node)),
    "Conv": _conv,
    "Div": _div,
    "Dropout": _dropout,
    "Equal": _comparison("Equal"),
    "Flatten": shapes.flatten,
    "Floor": _unary("Floor"),
    "Gemm": _gemm,
    "GlobalMaxPool": lambda node, operands: Pooling(None),
    "Greater": _comparison("Greater"),
    "GreaterOrEqual": _comparison("GreaterOrEqual"),
    "Identity": lambda node, operands: Forwarding(),
    "Less": _comparison("Less"),
    "LessOrEqual": _comparison("LessOrEqual"),
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "Max": _many("Max"),
    "MaxPool": _max_pool,
    "Min": _many("Min"),
    "Mul": _binary("Mul"),
    "Neg": _unary("Neg"),
    "Not": _logical("Not", 1),
    "Or": _logical("Or", 2),
    "Pad": _pad,
    "Relu": _unary("Relu"),
    "Reshape": shapes.reshape,
    "Round": _unary("Round"),
    "Shape": shapes.shape,
    "Sign": _unary("Sign"),
    "Softmax": _softmax,
    "Squeeze": shapes.squeeze,
    "Sub": _binary("Sub"),
    "Transpose": shapes.transpose,
    "Unsqueeze": shapes.unsqueeze,
    "Where": _where,
}


PYTORCH = Dialect("PyTorch", frozenset(("",)), OPERATORS)
