"""The SEND newsletter: the product's roof (`main`, `cli`) and its ground (`core`)."""
